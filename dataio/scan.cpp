#include "dataio/scan.h"

#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/volume_file.h"

namespace voxlift::dataio {

namespace {

std::string shape_text(const Shape3& shape) {
  return str_cat(shape[0], " x ", shape[1], " x ", shape[2]);
}

std::vector<uint8_t> read_mask(const VolumeFile& file, const Shape3& shape,
                               const DecodeLimits& limits) {
  const Volume volume = read_volume(file, limits);
  if (volume.shape != shape) {
    throw DataError(str_cat(file.path, ": the mask is ",
                            shape_text(volume.shape), ", the image ",
                            shape_text(shape)));
  }
  std::vector<uint8_t> mask(volume.voxels.size());
  for (size_t i = 0; i < mask.size(); ++i) {
    const float value = volume.voxels[i];
    if (!(value >= 0.0F && value <= 255.0F && value == std::trunc(value))) {
      throw DataError(str_cat(file.path, ": the mask holds ", value,
                              ", want integers from 0 to 255"));
    }
    mask[i] = static_cast<uint8_t>(value);
  }
  return mask;
}

}  // namespace

Scan read_scan(const VolumeEntry& entry, const DecodeLimits& limits) {
  Scan scan;
  scan.image = read_volume(entry.image, limits);
  if (entry.mask.has_value()) {
    scan.mask = read_mask(*entry.mask, scan.image.shape, limits);
  }
  scan.boxes = entry.boxes;
  scan.key_slice = entry.key_slice;
  return scan;
}

}  // namespace voxlift::dataio
