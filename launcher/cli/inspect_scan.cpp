#include "launcher/cli/inspect_scan.h"

#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "dataio/encode/npy_writer.h"

namespace voxlift::launcher {
namespace {

struct VoxelRange {
  double min = 0.0;
  double max = 0.0;
  double mean = 0.0;
  int64_t num_not_finite = 0;  // Left out of the three.
};

VoxelRange measure(const std::vector<float>& voxels) {
  VoxelRange range;
  int64_t count = 0;
  double sum = 0.0;
  for (const float voxel : voxels) {
    if (!std::isfinite(voxel)) {
      ++range.num_not_finite;
      continue;
    }
    const auto value = static_cast<double>(voxel);
    range.min = count == 0 ? value : std::min(range.min, value);
    range.max = count == 0 ? value : std::max(range.max, value);
    sum += value;
    ++count;
  }
  range.mean = count == 0 ? 0.0 : sum / static_cast<double>(count);
  return range;
}

void write_npy(const dataio::Volume& volume, const std::string& path) {
  const std::string header = dataio::npy_header(volume.shape);
  const std::array<std::span<const std::byte>, 2> pieces = {
      as_bytes(header), std::as_bytes(std::span(volume.voxels))};
  RealFiles().write_durable(path, pieces);
}

void print_scan(const dataio::Volume& volume,
                const dataio::VolumeNotes& notes) {
  const VoxelRange range = measure(volume.voxels);
  const auto& shape = volume.shape;
  const auto& spacing = volume.spacing_mm;
  std::cout << "format      " << notes.format << "\n"
            << "stored as   " << notes.stored_type << "\n"
            << "shape       " << shape[0] << " x " << shape[1] << " x "
            << shape[2] << "  (depth, height, width)\n"
            << "spacing     " << spacing[0] << " x " << spacing[1] << " x "
            << spacing[2] << " mm\n"
            << "affine      to right, front, head in mm\n";
  for (const auto& row : volume.affine) {
    std::cout << "           ";
    for (const double value : row) {
      std::cout << " " << std::setw(10) << value;
    }
    std::cout << "\n";
  }
  std::cout << "voxels      " << range.min << " to " << range.max << ", mean "
            << range.mean << "\n";
  if (range.num_not_finite > 0) {
    std::cout << "not finite  " << range.num_not_finite << " voxels\n";
  }
  for (const std::string& remark : notes.remarks) {
    std::cout << "remark      " << remark << "\n";
  }
}

Json scan_json(const dataio::Volume& volume, const dataio::VolumeNotes& notes) {
  const VoxelRange range = measure(volume.voxels);
  Json json;
  json["read"] = true;
  json["format"] = notes.format;
  json["stored_type"] = notes.stored_type;
  json["shape"] = volume.shape;
  json["spacing_mm"] = volume.spacing_mm;
  json["affine"] = volume.affine;
  json["min"] = range.min;
  json["max"] = range.max;
  json["mean"] = range.mean;
  json["num_not_finite"] = range.num_not_finite;
  json["remarks"] = notes.remarks;
  return json;
}

// One scan as a JSON object; an error of the file is its "error".
Json inspect_one(const dataio::VolumeFile& file, const std::string& npy) {
  Json json;
  try {
    dataio::VolumeNotes notes;
    const dataio::Volume volume = dataio::read_volume(file, {}, &notes);
    json = scan_json(volume, notes);
    if (!npy.empty()) {
      write_npy(volume, npy);
    }
  } catch (const DataError& error) {
    json["read"] = false;
    json["error"] = error.what();
  } catch (const IoError& error) {
    json["read"] = false;
    json["error"] = error.what();
  }
  json["path"] = file.path;
  return json;
}

// "folder/00012.npy"; empty where no folder is given.
std::string npy_path(const std::string& folder, size_t number) {
  const std::string digits = std::to_string(number);
  return folder.empty()
             ? ""
             : join_path(
                   folder,
                   std::string(5 - std::min<size_t>(5, digits.size()), '0') +
                       digits + ".npy");
}

}  // namespace

void inspect_scan(const InspectScanOptions& options) {
  dataio::VolumeNotes notes;
  const dataio::Volume volume = dataio::read_volume(options.file, {}, &notes);
  std::cout << "scan        " << options.file.path << "\n";
  print_scan(volume, notes);
  if (!options.npy.empty()) {
    write_npy(volume, options.npy);
    std::cout << "wrote " << options.npy << "\n";
  }
}

void inspect_scan_list(const InspectScanOptions& options) {
  const std::vector<std::byte> bytes = RealFiles().read(options.list);
  size_t number = 0;
  for (const std::string& path : str_split(as_text(bytes), '\n')) {
    if (path.empty()) {
      continue;
    }
    dataio::VolumeFile file = options.file;
    file.path = path;
    const Json json = inspect_one(file, npy_path(options.npy_dir, number++));
    // A name that is no UTF-8 must not end the list.
    std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
  }
}

}  // namespace voxlift::launcher
