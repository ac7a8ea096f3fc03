#pragma once
// DICOM files and series as slices in space.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataio/decode/dicom_pixels.h"
#include "dataio/decode/volume_file.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

// One frame of a file; a file has one or many.
struct DicomSlice {
  std::string path;
  int64_t frame = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t instance_number = 0;
  // Of the first voxel, in LPS; nothing: the file does not say.
  std::optional<Vector3> position;
  // Unit vectors in LPS along a row (to the right in the picture) and along a
  // column (downwards). Nothing: the file does not say.
  std::optional<std::array<Vector3, 2>> directions;
  // Height, width.
  std::optional<std::array<double, 2>> pixel_spacing_mm;
  // Between slices, as the file states it (or the thickness of one).
  std::optional<double> depth_spacing_mm;
  double slope = 1.0;
  double offset = 0.0;
  std::string series;  // SeriesInstanceUID.
};

// The slices of a file, in its order.
std::vector<DicomSlice> describe_slices(const DicomFile& file,
                                        const DicomPixels& pixels,
                                        const std::string& path);

// Shape, spacing and affine of slices, which it brings in the order of their
// positions along the normal of the slices (without positions, of their
// InstanceNumbers). Gantry tilt stays in the affine, whose depth column is the
// step from slice to slice; spacing_mm[0] is the distance of the planes.
// Throws DataError naming both values if they differ in size, orientation or
// spacing, two lie at one place, or the distances differ by more than 1 %.
Volume arrange_slices(std::vector<DicomSlice>& slices, const VolumeFile& file,
                      VolumeNotes& notes);

}  // namespace voxlift::dataio
