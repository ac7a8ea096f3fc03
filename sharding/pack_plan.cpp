// The plan half of pack.h: which sample goes where. Reads sizes, no contents.

#include <algorithm>
#include <bit>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "sharding/pack.h"
#include "sharding/shard_format.h"
#include "sharding/utf8.h"

namespace voxlift::sharding {
namespace {

// Chains words and texts into 64 bits; not meant against forgery.
class Digest {
 public:
  void add(uint64_t word) { state_ = mix64(state_ ^ word) + kStep; }

  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) {
      add(static_cast<uint64_t>(static_cast<unsigned char>(c)));
    }
  }

  std::string text() const { return hex(mix64(state_), 16); }

 private:
  static constexpr uint64_t kStep = 0x9E3779B97F4A7C15;
  uint64_t state_ = kStep;
};

void check_manifest(const dataio::Manifest& manifest) {
  if (manifest.entries.empty()) {
    throw DataError("nothing to pack: the manifest has no entry");
  }
  for (const std::string& name : manifest.classes) {
    if (!is_utf8(name)) {
      throw DataError(
          str_cat("class name '", printable_utf8(name), "' is not UTF-8"));
    }
  }
  const auto num_classes = static_cast<int64_t>(manifest.classes.size());
  std::unordered_set<std::string_view> ids;
  for (const dataio::SourceEntry& entry : manifest.entries) {
    if (entry.label < 0 || entry.label >= num_classes) {
      throw DataError(str_cat(entry.id, ": label is ", entry.label,
                              ", but there are ", num_classes, " classes"));
    }
    if (!ids.insert(entry.id).second) {
      throw DataError(str_cat(entry.id, ": the manifest lists it twice"));
    }
  }
}

int64_t folder_bytes(const std::string& dir, const Files& files) {
  int64_t bytes = 0;
  for (const std::string& name : files.list_dir(dir)) {
    const std::string file = join_path(dir, name);
    bytes += files.is_dir(file) ? 0 : files.size_bytes(file);
  }
  return bytes;
}

// Sizes of scans, which are files or folders of slices. Folders are listed
// once: many samples may come out of one.
class ScanSizes {
 public:
  explicit ScanSizes(const Files& files) : files_(files) {}

  int64_t bytes_of(const dataio::VolumeEntry& scan) {
    return bytes_at(scan.image.path) +
           (scan.mask.has_value() ? bytes_at(scan.mask->path) : 0);
  }

 private:
  int64_t bytes_at(const std::string& path) {
    const auto known = folders_.find(path);
    if (known != folders_.end()) {
      return known->second;
    }
    return files_.is_dir(path) ? folders_[path] = folder_bytes(path, files_)
                               : files_.size_bytes(path);
  }

  const Files& files_;
  std::unordered_map<std::string, int64_t> folders_;
};

// Of a file, or of the part of it that is the sample.
int64_t photo_bytes(const dataio::SourceEntry& entry, const Files& files) {
  const int64_t file_bytes = files.size_bytes(entry.path);
  if (entry.length < 0) {
    return file_bytes;
  }
  if (entry.offset < 0 || entry.offset > file_bytes ||
      entry.length > file_bytes - entry.offset) {
    throw DataError(str_cat("'", entry.path, "' has ", file_bytes,
                            " bytes, but the sample is ", entry.length,
                            " from byte ", entry.offset, " on"));
  }
  return entry.length;
}

// Takes the sample's size; throws Error with the reason where it cannot be
// packed.
PlannedSample plan_sample(const dataio::SourceEntry& entry, const Files& files,
                          ScanSizes& scan_sizes) {
  if (!is_utf8(entry.id)) {
    throw DataError("its name is not UTF-8");
  }
  if (static_cast<int64_t>(entry.id.size()) > kMaxIdBytes) {
    throw DataError(str_cat("its name has ", entry.id.size(),
                            " bytes, at most ", kMaxIdBytes, " are allowed"));
  }
  const int64_t bytes = entry.volume == nullptr
                            ? photo_bytes(entry, files)
                            : scan_sizes.bytes_of(*entry.volume);
  if (bytes == 0) {
    throw DataError(str_cat("'", entry.path, "' is empty"));
  }
  return {entry, bytes};
}

void plan_samples(const dataio::Manifest& manifest, const Files& files,
                  PackPlan& plan) {
  plan.samples.reserve(manifest.entries.size());
  ScanSizes scan_sizes(files);
  for (const dataio::SourceEntry& entry : manifest.entries) {
    try {
      plan.samples.push_back(plan_sample(entry, files, scan_sizes));
    } catch (const Error& error) {
      plan.rejected.push_back(
          {printable_utf8(entry.id), printable_utf8(error.what())});
    }
  }
  RandomStream draws(plan.config.seed, Purpose::kShuffle, 0, 0);
  draws.shuffle(std::span(plan.samples));
}

std::string shard_file_name(int64_t shard) {
  const std::string digits = std::to_string(shard);
  const size_t width = std::max<size_t>(digits.size(), 5);
  return str_cat("shard-", std::string(width - digits.size(), '0'), digits,
                 ".h5");
}

// Cuts where the running sum passes the multiples of one even share, so that
// the last shard is as long as the others.
void cut_shards(PackPlan& plan) {
  const int64_t total = plan.num_bytes();
  const int64_t target = plan.config.shard_bytes;
  const int64_t num_shards = (total + target - 1) / target;
  PlannedShard shard;
  int64_t sum = 0;
  for (const PlannedSample& sample : plan.samples) {
    sum += sample.bytes;
    shard.bytes += sample.bytes;
    ++shard.end;
    const auto passed = static_cast<int64_t>(plan.shards.size()) + 1;
    const double due = static_cast<double>(total) *
                       static_cast<double>(passed) /
                       static_cast<double>(num_shards);
    if (static_cast<double>(sum) >= due || sum == total) {
      shard.file = shard_file_name(passed - 1);
      plan.shards.push_back(shard);
      shard = {.file = "", .begin = shard.end, .end = shard.end, .bytes = 0};
    }
  }
}

void add_boxes(const dataio::VolumeEntry& scan, Digest& digest) {
  digest.add(static_cast<uint64_t>(scan.key_slice));
  digest.add(scan.boxes.size());
  for (const dataio::LabelledBox& box : scan.boxes) {
    for (size_t axis = 0; axis < 3; ++axis) {
      digest.add(std::bit_cast<uint64_t>(box.low[axis]));
      digest.add(std::bit_cast<uint64_t>(box.high[axis]));
    }
    digest.add(static_cast<uint64_t>(box.label));
  }
}

std::string digest_of(const PackPlan& plan) {
  Digest digest;
  digest.add(static_cast<uint64_t>(format_version(plan.modality)));
  digest.add(dataio::modality_name(plan.modality));
  digest.add(plan.config.check);
  digest.add(static_cast<uint64_t>(plan.config.jpeg_restarts));
  digest.add(plan.config.seed);
  digest.add(static_cast<uint64_t>(plan.config.shard_bytes));
  for (const auto* names :
       {&plan.classes, &plan.mask_classes, &plan.box_classes}) {
    digest.add(names->size());
    for (const std::string& name : *names) {
      digest.add(name);
    }
  }
  digest.add(plan.config.recipe);
  for (const PlannedSample& sample : plan.samples) {
    digest.add(sample.source.id);
    digest.add(static_cast<uint64_t>(sample.source.label));
    digest.add(static_cast<uint64_t>(sample.bytes));
    if (sample.source.volume != nullptr) {
      add_boxes(*sample.source.volume, digest);
    }
  }
  return digest.text();
}

void check_choice(const std::string& field, const std::string& value,
                  const std::string& a, const std::string& b) {
  if (value != a && value != b) {
    throw ConfigError(str_cat(field, " is '", value, "', '", a, "' or '", b,
                              "' are possible"));
  }
}

}  // namespace

void PackConfig::validate(const std::string& path) const {
  if (shard_bytes < 1) {
    throw ConfigError(str_cat(path, ".shard_bytes is ", shard_bytes,
                              ", at least 1 is needed"));
  }
  check_choice(path + ".check", check, "decode", "none");
  check_choice(path + ".on_error", on_error, "fail", "skip");
}

int64_t PackPlan::num_bytes() const {
  int64_t total = 0;
  for (const PlannedSample& sample : samples) {
    total += sample.bytes;
  }
  return total;
}

PackPlan plan_pack(const dataio::Manifest& manifest, const PackConfig& config,
                   const Files& files) {
  config.validate("pack");
  check_manifest(manifest);
  PackPlan plan;
  plan.config = config;
  plan.modality = manifest.modality;
  plan.classes = manifest.classes;
  plan.mask_classes = manifest.mask_classes;
  plan.box_classes = manifest.box_classes;
  plan_samples(manifest, files, plan);
  cut_shards(plan);
  plan.digest = digest_of(plan);
  return plan;
}

}  // namespace voxlift::sharding
