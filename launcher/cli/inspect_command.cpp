#include "launcher/cli/inspect_command.h"

#include <fcntl.h>

#include <algorithm>
#include <iostream>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/contact_sheet_writer.h"
#include "launcher/cli/inspect_scan.h"
#include "sharding/dataset.h"
#include "sharding/dataset_index.h"
#include "sharding/shard_format.h"
#include "sharding/shard_reader.h"
#include "sharding/volume_reader.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/tensor_header.h"
#include "trainer/checkpoint/verify_checkpoint.h"

namespace voxlift::launcher {
namespace {

struct InspectOptions {
  std::string path;
  int64_t ids = 5;
  ContactSheetOptions sheet;
  InspectScanOptions scan;
};

OptionBinder bind(InspectOptions& options) {
  OptionBinder binder("voxlift inspect", false);
  binder.add("path", options.path,
             "data set, shard, checkpoint, .safetensors file or scan");
  binder.add("ids", options.ids, "samples to list");
  binder.add("contact-sheet", options.sheet.file, "PNG of samples to write");
  binder.add("transform", options.sheet.transform,
             "samples as stored (none), or as train or eval see them");
  binder.add("count", options.sheet.count, "samples on the sheet");
  binder.add("image-size", options.sheet.image_size,
             "side of transformed photographs");
  binder.add("shape", options.sheet.shape, "shape of transformed scans");
  binder.add("seed", options.sheet.seed, "of the training transform");
  binder.add("epoch", options.sheet.epoch, "of the training transform");
  binder.add("part", options.scan.file.part,
             "member of .npz, or SeriesInstanceUID, of a scan");
  binder.add("position", options.scan.file.position,
             "frame of a scan with four axes");
  binder.add("npy", options.scan.npy, "file to write a scan's voxels to");
  binder.add("list", options.scan.list,
             "file with the path of a scan a line: prints JSON lines");
  binder.add("npy-dir", options.scan.npy_dir,
             "with --list: folder to write the voxels to");
  binder.set_positional("path");
  return binder;
}

void print_help(const OptionBinder& binder) {
  print_command_help(
      {"voxlift inspect PATH [OPTIONS]",
       "Shows what a packed data set, a shard, a checkpoint or a scan holds, "
       "and writes a\ncontact sheet of samples before or after the transform "
       "of training.",
       {"voxlift inspect packed",
        "voxlift inspect packed --contact-sheet before.png",
        "voxlift inspect packed --contact-sheet after.png --transform train",
        "voxlift inspect runs/r18",
        "voxlift inspect scans/a.nii.gz --npy a.npy",
        "voxlift inspect --list scans.txt"}},
      binder);
}

void print_classes(const sharding::DatasetIndex& index) {
  constexpr size_t kShown = 10;
  const std::vector<int64_t>& counts = index.samples_per_class;
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  std::cout << "classes     " << index.classes.size() << ", " << *least
            << " to " << *most << " samples each\n";
  for (size_t c = 0; c < std::min(kShown, index.classes.size()); ++c) {
    std::cout << "  " << c << "  " << index.classes[c] << "  " << counts[c]
              << "\n";
  }
  if (index.classes.size() > kShown) {
    std::cout << "  ... " << index.classes.size() - kShown << " more\n";
  }
}

void print_shards(const sharding::DatasetIndex& index) {
  constexpr size_t kShown = 10;
  for (size_t k = 0; k < std::min(kShown, index.shards.size()); ++k) {
    const sharding::ShardEntry& shard = index.shards[k];
    std::cout << "  " << shard.file << "  " << shard.num_samples << " samples  "
              << human_bytes(static_cast<double>(shard.bytes)) << "\n";
  }
  if (index.shards.size() > kShown) {
    std::cout << "  ... " << index.shards.size() - kShown << " more\n";
  }
}

void print_ids(const SampleSource& source, int64_t count) {
  for (int64_t i = 0; i < std::min(count, source.num_samples); ++i) {
    std::cout << "sample " << i << "  " << source.caption(i) << "  "
              << source.describe(i) << "\n";
  }
}

void write_sheet_if_asked(const SampleSource& source,
                          const ContactSheetOptions& options) {
  if (!options.file.empty()) {
    write_contact_sheet(source, options);
    std::cout << "wrote " << options.file << "\n";
  }
}

void inspect_data_set(const InspectOptions& options) {
  const sharding::DatasetIndex index =
      sharding::read_dataset_index(options.path, RealFiles());
  const sharding::Dataset dataset(options.path, sharding::DatasetConfig());
  const int64_t bytes = std::accumulate(
      index.shards.begin(), index.shards.end(), int64_t{0},
      [](int64_t sum, const auto& shard) { return sum + shard.bytes; });
  std::cout << "data set    " << options.path << "\n"
            << "modality    " << dataio::modality_name(index.modality) << "\n"
            << "samples     " << dataset.num_samples() << "\n"
            << "bytes       " << human_bytes(static_cast<double>(bytes)) << "\n"
            << "fingerprint " << hex(dataset.fingerprint(), 8) << "\n";
  print_classes(index);
  std::cout << "shards      " << index.shards.size() << "\n";
  print_shards(index);
  const SampleSource source{
      .modality = dataset.modality(),
      .num_samples = dataset.num_samples(),
      .read = [&](int64_t id) { return dataset.read(id); },
      .volume = [&](int64_t id) { return dataset.volume(id); },
      .caption =
          [&](int64_t id) {
            return dataset.classes()[static_cast<size_t>(dataset.label(id))];
          },
      .describe = [&](int64_t id) { return dataset.describe(id); }};
  print_ids(source, options.ids);
  write_sheet_if_asked(source, options.sheet);
}

void inspect_shard(const InspectOptions& options) {
  const std::unique_ptr<sharding::Shard> shard =
      sharding::open_shard(options.path);
  const auto* photos = dynamic_cast<const sharding::ShardReader*>(shard.get());
  const auto* volumes =
      dynamic_cast<const sharding::VolumeReader*>(shard.get());
  std::cout << "shard       " << options.path << "\n"
            << "modality    " << dataio::modality_name(shard->modality())
            << "\n"
            << "samples     " << shard->num_samples() << "\n"
            << "bytes       "
            << human_bytes(static_cast<double>(shard->num_bytes())) << "\n"
            << "index crc   " << hex(shard->index_crc(), 8) << "\n";
  const SampleSource source{
      .modality = shard->modality(),
      .num_samples = shard->num_samples(),
      .read = [=](int64_t i) { return photos->read(i, true); },
      .volume = [=](int64_t i) { return volumes->volume(i); },
      .caption =
          [&](int64_t i) {
            return str_cat("label ", shard->labels()[static_cast<size_t>(i)]);
          },
      .describe = [&](int64_t i) { return shard->describe(i); }};
  print_ids(source, options.ids);
  write_sheet_if_asked(source, options.sheet);
}

void print_tensors(const std::string& path) {
  std::cout << path << "\n";
  for (const trainer::TensorHeader& tensor :
       trainer::read_tensor_headers(path)) {
    std::vector<std::string> sides;
    for (const int64_t side : tensor.shape) {
      sides.push_back(std::to_string(side));
    }
    std::cout << "  " << tensor.name << "  " << tensor.dtype << "  ("
              << str_join(sides, ", ") << ")\n";
  }
}

void inspect_checkpoint(const std::string& dir) {
  std::cout << "checkpoint  " << dir << "\n";
  for (const trainer::ManifestFile& file :
       trainer::read_manifest(RealFiles(), dir).files) {
    std::cout << "  " << file.name << "  "
              << human_bytes(static_cast<double>(file.bytes())) << " in "
              << file.pieces.size() << " pieces\n";
  }
  print_tensors(join_path(dir, "model.safetensors"));
}

// By the first bytes; shards are HDF5.
bool is_hdf5(const std::string& path) {
  constexpr std::string_view kMagic = "\x89HDF\r\n\x1a\n";
  std::string head(kMagic.size(), '\0');
  const RealFiles files;
  if (files.size_bytes(path) < static_cast<int64_t>(head.size())) {
    return false;
  }
  FileDescriptor(path, O_RDONLY)
      .read_at(std::as_writable_bytes(std::span(head)), 0);
  return head == kMagic;
}

bool is_data_set(const std::string& dir) {
  return RealFiles().exists(join_path(dir, sharding::kIndexFile));
}

void inspect_path(InspectOptions& options) {
  const RealFiles files;
  options.scan.file.path = options.path;
  const std::vector<std::string> checkpoints =
      files.is_dir(options.path) ? trainer::checkpoints_in(options.path, files)
                                 : std::vector<std::string>();
  if (trainer::is_checkpoint_dir(options.path, files)) {
    inspect_checkpoint(options.path);
  } else if (!checkpoints.empty()) {
    inspect_checkpoint(checkpoints.back());
  } else if (files.is_dir(options.path) && is_data_set(options.path)) {
    inspect_data_set(options);
  } else if (options.path.ends_with(".safetensors")) {
    print_tensors(options.path);
  } else if (!files.is_dir(options.path) && is_hdf5(options.path)) {
    inspect_shard(options);
  } else {
    inspect_scan(options.scan);
  }
}

int run(std::span<const std::string> args) {
  InspectOptions options;
  OptionBinder binder = bind(options);
  if (wants_help(args)) {
    print_help(binder);
    return 0;
  }
  binder.parse(args);
  options.sheet.validate();
  if (options.path.empty() == options.scan.list.empty()) {
    throw ConfigError("inspect: want either a path or --list");
  }
  if (!options.scan.list.empty()) {
    inspect_scan_list(options.scan);
    return 0;
  }
  inspect_path(options);
  return 0;
}

}  // namespace

Command make_inspect_command() {
  return {"inspect", "show a data set, shard or checkpoint", run};
}

}  // namespace voxlift::launcher
