#include "dataio/scan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/volume_file.h"

namespace voxlift::dataio {

namespace {

std::string shape_text(const Shape3& shape) {
  return str_cat(shape[0], " x ", shape[1], " x ", shape[2]);
}

// Arrays and pictures say nothing of places in the patient.
bool has_places(const VolumeNotes& notes) {
  return !notes.format.starts_with("NumPy") && !notes.format.starts_with("PNG");
}

// Where a voxel lies, in mm.
std::array<double, 3> place_of(const Affine& affine, const Shape3& voxel) {
  std::array<double, 3> place{};
  for (size_t r = 0; r < 3; ++r) {
    place[r] = affine[r][3];
    for (size_t i = 0; i < 3; ++i) {
      place[r] += affine[r][i] * static_cast<double>(voxel[i]);
    }
  }
  return place;
}

std::string place_text(const std::array<double, 3>& place) {
  return str_cat("(", place[0], ", ", place[1], ", ", place[2], ") mm");
}

double smallest_side_mm(const Affine& affine) {
  double smallest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < 3; ++i) {
    smallest = std::min(smallest,
                        std::hypot(affine[0][i], affine[1][i], affine[2][i]));
  }
  return smallest;
}

// Corners of the two must lie within half a voxel: headers are rounded.
void check_places(const Volume& mask, const Volume& image,
                  const std::string& path) {
  const double most_mm = smallest_side_mm(image.affine) / 2.0;
  for (size_t corner = 0; corner < 8; ++corner) {
    Shape3 voxel{};
    for (size_t i = 0; i < 3; ++i) {
      voxel[i] = (corner >> i & 1U) != 0 ? image.shape[i] - 1 : 0;
    }
    const auto ours = place_of(image.affine, voxel);
    const auto theirs = place_of(mask.affine, voxel);
    const double far_mm = std::hypot(ours[0] - theirs[0], ours[1] - theirs[1],
                                     ours[2] - theirs[2]);
    if (!(far_mm <= most_mm)) {
      throw DataError(str_cat(path, ": voxel ", voxel[0], ",", voxel[1], ",",
                              voxel[2], " of the mask is at ",
                              place_text(theirs), ", of the image at ",
                              place_text(ours), ": another affine"));
    }
  }
}

std::vector<uint8_t> read_mask(const VolumeFile& file, const Volume& image,
                               const VolumeNotes& image_notes,
                               const DecodeLimits& limits) {
  VolumeNotes notes;
  const Volume volume = read_volume(file, limits, &notes);
  if (volume.shape != image.shape) {
    throw DataError(str_cat(file.path, ": the mask is ",
                            shape_text(volume.shape), ", the image ",
                            shape_text(image.shape)));
  }
  if (has_places(notes) && has_places(image_notes)) {
    check_places(volume, image, file.path);
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

// Boxes may reach beyond the image, but not lie beside it.
void check_boxes(const Scan& scan, const std::string& path) {
  for (size_t k = 0; k < scan.boxes.size(); ++k) {
    const LabelledBox& box = scan.boxes[k];
    for (size_t i = 0; i < 3; ++i) {
      const auto side = static_cast<double>(scan.image.shape[i]);
      if (!(box.low[i] < box.high[i] && box.low[i] < side &&
            box.high[i] > 0.0)) {
        throw DataError(str_cat(path, ": box ", k, " spans ", box.low[i],
                                " to ", box.high[i], " along ",
                                std::array{"depth", "height", "width"}[i],
                                ", the image 0 to ", side));
      }
    }
  }
}

}  // namespace

Scan read_scan(const VolumeEntry& entry, const DecodeLimits& limits) {
  Scan scan;
  VolumeNotes notes;
  scan.image = read_volume(entry.image, limits, &notes);
  if (entry.mask.has_value()) {
    scan.mask = read_mask(*entry.mask, scan.image, notes, limits);
  }
  scan.boxes = entry.boxes;
  scan.key_slice = entry.key_slice;
  check_boxes(scan, entry.image.path);
  return scan;
}

}  // namespace voxlift::dataio
