// Scans as PNG: one slice, or a folder of slices named by their numbers.

#include <bit>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/formats.h"
#include "dataio/decode/raw_voxels.h"
#include "dataio/decode/volume_formats.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

namespace {

// "012.png" -> 12.
std::optional<int64_t> slice_number(const std::string& name) {
  constexpr size_t kEnd = 4;
  if (name.size() <= kEnd ||
      to_lower(name).substr(name.size() - kEnd) != ".png" ||
      name.find_first_not_of("0123456789") != name.size() - kEnd) {
    return std::nullopt;
  }
  return parse_int(name.substr(0, name.size() - kEnd));
}

using NumberedSlices = std::map<int64_t, std::string>;

NumberedSlices list_slices(const std::string& folder, VolumeNotes& notes) {
  NumberedSlices slices;
  for (const std::string& name : RealFiles().list_dir(folder)) {
    const auto number = slice_number(name);
    if (!number.has_value()) {
      notes.remarks.push_back(name + ": not named by a number and .png");
    } else if (!slices.emplace(*number, name).second) {
      throw DataError(str_cat(folder, ": ", slices[*number], " and ", name,
                              " have one number"));
    }
  }
  return slices;
}

// The asked range of numbers, or from the lowest to the highest.
std::pair<int64_t, int64_t> slice_range(const NumberedSlices& slices,
                                        const VolumeFile& file) {
  if (file.first_slice < 0 && file.last_slice < 0) {
    return {slices.begin()->first, slices.rbegin()->first};
  }
  if (file.first_slice < 0 || file.last_slice < file.first_slice) {
    throw DataError(str_cat(file.path, ": slices ", file.first_slice, " to ",
                            file.last_slice, " are asked for, want a range"));
  }
  return {file.first_slice, file.last_slice};
}

// Throws naming the missing numbers, ten of them at most.
void check_complete(const NumberedSlices& slices, int64_t first, int64_t last,
                    const std::string& folder) {
  int64_t present = 0;
  for (auto i = slices.lower_bound(first);
       i != slices.end() && i->first <= last; ++i) {
    ++present;
  }
  const int64_t num_missing = last - first + 1 - present;
  if (num_missing == 0) {
    return;
  }
  std::vector<std::string> missing;
  for (int64_t k = first; k <= last && missing.size() < 10; ++k) {
    if (!slices.contains(k)) {
      missing.push_back(std::to_string(k));
    }
  }
  throw DataError(str_cat(folder, ": ", num_missing, " of slices ", first,
                          " to ", last,
                          " are missing: ", str_join(missing, ", "),
                          num_missing > 10 ? ", ..." : ""));
}

GreyImage read_slice(const std::string& path, const VolumeFile& file,
                     const DecodeLimits& limits) {
  GreyImage image = decode_grey_png(RealFiles().read(path), path, limits);
  if (image.bits == 8 && file.subtract != 0.0) {
    throw DataError(str_cat(path, ": 8 bits, ", file.subtract,
                            " is to be subtracted from 16-bit slices"));
  }
  return image;
}

void append_slice(GreyImage& image, const VolumeFile& file,
                  const std::string& path, Volume& volume) {
  if (volume.shape[1] != image.height || volume.shape[2] != image.width) {
    throw DataError(str_cat(path, ": ", image.height, " x ", image.width,
                            " pixels, the slices before have ", volume.shape[1],
                            " x ", volume.shape[2]));
  }
  const ScalarCode code{
      image.bits == 16 ? ScalarType::kUint16 : ScalarType::kUint8,
      std::endian::native == std::endian::little, 1.0, -file.subtract};
  const size_t before = volume.voxels.size();
  volume.voxels.resize(before +
                       static_cast<size_t>(image.height * image.width));
  convert_scalars(image.bytes, code, std::span(volume.voxels).subspan(before));
}

Volume read_slices(const std::vector<std::string>& paths,
                   const VolumeFile& file, const DecodeLimits& limits,
                   VolumeNotes& notes) {
  Volume volume;
  volume.spacing_mm = file.spacing_mm.value_or(volume.spacing_mm);
  check_spacing(volume.spacing_mm, file.path);
  volume.affine = affine_from_spacing(volume.spacing_mm);
  for (const std::string& path : paths) {
    GreyImage image = read_slice(path, file, limits);
    const std::string type = image.bits == 16 ? "uint16" : "uint8";
    if (volume.voxels.empty()) {
      volume.shape = {static_cast<int64_t>(paths.size()), image.height,
                      image.width};
      check_shape(volume.shape, file.path, limits);
      notes.stored_type = type;
    } else if (notes.stored_type != type) {
      throw DataError(str_cat(path, ": ", type, ", the slices before are ",
                              notes.stored_type));
    }
    append_slice(image, file, path, volume);
  }
  return volume;
}

}  // namespace

bool has_png_slices(const std::string& folder) {
  for (const std::string& name : RealFiles().list_dir(folder)) {
    if (slice_number(name).has_value()) {
      return true;
    }
  }
  return false;
}

Volume read_png_slice(const VolumeFile& file, const DecodeLimits& limits,
                      VolumeNotes& notes) {
  notes.format = "PNG slice";
  return read_slices({file.path}, file, limits, notes);
}

Volume read_png_folder(const VolumeFile& file, const DecodeLimits& limits,
                       VolumeNotes& notes) {
  notes.format = "PNG slices";
  const NumberedSlices slices = list_slices(file.path, notes);
  const auto [first, last] = slice_range(slices, file);
  check_complete(slices, first, last, file.path);
  std::vector<std::string> paths;
  for (int64_t k = first; k <= last; ++k) {
    paths.push_back(join_path(file.path, slices.at(k)));
  }
  return read_slices(paths, file, limits, notes);
}

}  // namespace voxlift::dataio
