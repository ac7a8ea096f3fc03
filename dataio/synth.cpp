#include "dataio/synth.h"

#include <fcntl.h>

#include <array>
#include <cstdio>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/encode/jpeg_encoder.h"
#include "dataio/encode/nifti_writer.h"
#include "dataio/transform/check_field.h"

namespace voxlift::dataio {

namespace {

// Indices of the val split start here, so that no val sample is a train one.
constexpr int64_t kValIndex = int64_t{1} << 32;

std::string padded(int64_t value, int width) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%0*lld", width,
                static_cast<long long>(value));
  return text.data();
}

std::string synset(int64_t label) {
  return "n" + padded(label + 1, 8);
}

// Writes below one folder, counts and reports. Samples are not fsynced one by
// one; the list that names them is published last.
class Output {
 public:
  Output(const std::string& dir, int64_t total, const SynthProgress& progress)
      : dir_(dir), total_(total), progress_(progress) {}

  // Makes the folders. Throws ConfigError if one exists already.
  void make_new_dirs(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const std::string path = join_path(dir_, name);
      if (files_.exists(path)) {
        throw ConfigError(path + ": exists already; name an empty folder");
      }
    }
    for (const std::string& name : names) {
      make_dirs(name);
    }
  }

  void make_dirs(const std::string& name) {
    files_.make_dirs(join_path(dir_, name));
  }

  void write(const std::string& name, std::span<const std::byte> bytes) {
    const FileDescriptor file(join_path(dir_, name),
                              O_WRONLY | O_CREAT | O_TRUNC);
    file.write(bytes);
  }

  void publish(const std::string& name, const std::string& content) {
    files_.publish(join_path(dir_, name), content);
  }

  void count_sample() {
    ++done_;
    if (progress_) {
      progress_(done_, total_);
    }
  }

 private:
  std::string dir_;
  int64_t total_;
  const SynthProgress& progress_;
  int64_t done_ = 0;
  RealFiles files_;
};

void write_train_photos(const SynthPhotosConfig& config, Output& output) {
  for (int64_t label = 0; label < config.num_classes; ++label) {
    const std::string dir = join_path("train", synset(label));
    output.make_dirs(dir);
    for (int64_t i = 0; i < config.train_per_class; ++i) {
      const std::string name = str_cat(synset(label), "_", i, ".JPEG");
      output.write(
          join_path(dir, name),
          encode_jpeg(synth_photograph(config, label, i), config.jpeg_quality));
      output.count_sample();
    }
  }
}

// Classes take turns, as in a shuffled list. Returns the list.
std::string write_val_photos(const SynthPhotosConfig& config, Output& output) {
  std::string list;
  int64_t number = 0;
  for (int64_t i = 0; i < config.val_per_class; ++i) {
    for (int64_t label = 0; label < config.num_classes; ++label) {
      const std::string name = "synth_val_" + padded(++number, 8) + ".JPEG";
      output.write(join_path("val", name),
                   encode_jpeg(synth_photograph(config, label, kValIndex + i),
                               config.jpeg_quality));
      list += str_cat(name, " ", label, "\n");
      output.count_sample();
    }
  }
  return list;
}

struct VolumeSplit {
  std::string name;
  int64_t per_class = 0;
  int64_t first_index = 0;
};

void write_phantom(const std::string& file, const Phantom& phantom,
                   Output& output) {
  output.write(join_path("images", file),
               encode_nifti_gz(phantom.image, VoxelType::kUint8));
  output.write(join_path("masks", file),
               encode_nifti_gz(phantom.mask, VoxelType::kUint8));
  output.count_sample();
}

// Returns the CSV.
std::string write_volume_split(const SynthVolumesConfig& config,
                               const VolumeSplit& split, Output& output) {
  std::string csv = "path,label,mask\n";
  for (int64_t label = 0; label < config.num_classes; ++label) {
    for (int64_t i = 0; i < split.per_class; ++i) {
      const std::string file =
          str_cat(split.name, "_", synth_volume_class_name(label), "_",
                  padded(i, 4), ".nii.gz");
      write_phantom(file, synth_phantom(config, label, split.first_index + i),
                    output);
      csv += str_cat("images/", file, ",", label, ",masks/", file, "\n");
    }
  }
  return csv;
}

}  // namespace

void SynthPhotosConfig::validate(const std::string& path) const {
  check_field<int64_t>(path + ".num_classes", num_classes, 2,
                       kMaxSynthPhotoClasses,
                       str_cat("2 to ", kMaxSynthPhotoClasses));
  check_field<int64_t>(path + ".train_per_class", train_per_class, 1, 100'000,
                       "1 to 100000");
  check_field<int64_t>(path + ".val_per_class", val_per_class, 1, 100'000,
                       "1 to 100000");
  check_field<int64_t>(path + ".size", size, 16, 2048, "16 to 2048");
  check_field(path + ".jpeg_quality", jpeg_quality, 1, 100, "1 to 100");
}

void SynthVolumesConfig::validate(const std::string& path) const {
  check_field<int64_t>(path + ".num_classes", num_classes, 2,
                       kMaxSynthVolumeClasses,
                       str_cat("2 to ", kMaxSynthVolumeClasses));
  check_field<int64_t>(path + ".train_per_class", train_per_class, 1, 100'000,
                       "1 to 100000");
  check_field<int64_t>(path + ".val_per_class", val_per_class, 1, 100'000,
                       "1 to 100000");
  check_field<int64_t>(path + ".size", size, 16, 256, "16 to 256");
}

void write_synth_photos(const std::string& dir, const SynthPhotosConfig& config,
                        const SynthProgress& progress) {
  config.validate("synth_photos");
  const int64_t per_class = config.train_per_class + config.val_per_class;
  Output output(dir, config.num_classes * per_class, progress);
  output.make_new_dirs({"train", "val", "meta"});
  write_train_photos(config, output);
  const std::string list = write_val_photos(config, output);
  output.publish("meta/val.txt", list);
}

void write_synth_volumes(const std::string& dir,
                         const SynthVolumesConfig& config,
                         const SynthProgress& progress) {
  config.validate("synth_volumes");
  const int64_t per_class = config.train_per_class + config.val_per_class;
  Output output(dir, config.num_classes * per_class, progress);
  output.make_new_dirs({"images", "masks"});
  const VolumeSplit train{"train", config.train_per_class, 0};
  const VolumeSplit val{"val", config.val_per_class, kValIndex};
  const std::string train_csv = write_volume_split(config, train, output);
  const std::string val_csv = write_volume_split(config, val, output);
  output.publish("train.csv", train_csv);
  output.publish("val.csv", val_csv);
}

}  // namespace voxlift::dataio
