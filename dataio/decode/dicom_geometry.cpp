// From slices to a volume's order and place.

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/dicom.h"

namespace voxlift::dataio {

namespace {

// Distances of slices may differ by this fraction.
constexpr double kMaxUnevenness = 0.01;
// Direction cosines are written with six digits or so.
constexpr double kMaxTurn = 1e-3;

std::string name_of(const DicomSlice& slice) {
  return slice.frame == 0 ? slice.path
                          : str_cat(slice.path, " frame ", slice.frame);
}

double distance(const Vector3& a, const Vector3& b) {
  return norm({a[0] - b[0], a[1] - b[1], a[2] - b[2]});
}

void check_same_size(const DicomSlice& a, const DicomSlice& b) {
  if (a.height != b.height || a.width != b.width) {
    throw DataError(str_cat(name_of(b), ": ", b.height, " x ", b.width,
                            " pixels, ", name_of(a), " has ", a.height, " x ",
                            a.width));
  }
}

void check_same_grid(const DicomSlice& a, const DicomSlice& b) {
  check_same_size(a, b);
  const auto spacing_a = a.pixel_spacing_mm.value_or(std::array{0.0, 0.0});
  const auto spacing_b = b.pixel_spacing_mm.value_or(std::array{0.0, 0.0});
  for (size_t i = 0; i < 2; ++i) {
    if (std::fabs(spacing_a[i] - spacing_b[i]) > 1e-4 * spacing_a[i]) {
      throw DataError(str_cat(name_of(b), ": PixelSpacing ", spacing_b[i],
                              " mm, ", name_of(a), " has ", spacing_a[i]));
    }
  }
  if (a.directions.has_value() != b.directions.has_value() ||
      a.position.has_value() != b.position.has_value()) {
    throw DataError(str_cat(name_of(b), ": has a position or orientation that ",
                            name_of(a), " has not, or the reverse"));
  }
  for (size_t i = 0; a.directions.has_value() && i < 2; ++i) {
    const double turn = distance((*a.directions)[i], (*b.directions)[i]);
    if (turn > kMaxTurn) {
      throw DataError(
          str_cat(name_of(b), ": ImageOrientationPatient differs by ", turn,
                  " from ", name_of(a), ", want at most ", kMaxTurn));
    }
  }
}

Vector3 normal_of(const DicomSlice& slice) {
  return cross((*slice.directions)[0], (*slice.directions)[1]);
}

// Sorts by position along the normal; checks that the steps are even.
// Returns the step from slice to slice.
Vector3 sort_by_position(std::vector<DicomSlice>& slices) {
  const Vector3 normal = normal_of(slices.front());
  const auto along = [&](const DicomSlice& s) {
    return dot(*s.position, normal);
  };
  std::stable_sort(slices.begin(), slices.end(),
                   [&](const DicomSlice& a, const DicomSlice& b) {
                     return along(a) < along(b);
                   });
  const auto last = static_cast<double>(slices.size() - 1);
  const Vector3& start = *slices.front().position;
  const Vector3& end = *slices.back().position;
  const Vector3 step = {(end[0] - start[0]) / last, (end[1] - start[1]) / last,
                        (end[2] - start[2]) / last};
  double first_gap = 0.0;
  for (size_t k = 1; k < slices.size(); ++k) {
    const double gap = along(slices[k]) - along(slices[k - 1]);
    if (gap < 1e-4) {
      throw DataError(str_cat(name_of(slices[k]), ": lies at the position of ",
                              name_of(slices[k - 1]), " (", gap, " mm apart)"));
    }
    first_gap = k == 1 ? gap : first_gap;
    if (std::fabs(gap - first_gap) >
        kMaxUnevenness * std::min(gap, first_gap)) {
      throw DataError(str_cat(name_of(slices[k]), ": lies ", gap,
                              " mm from the slice before, the first two are ",
                              first_gap, " mm apart: slices are missing"));
    }
  }
  for (size_t k = 1; k < slices.size(); ++k) {
    const auto steps = static_cast<double>(k);
    const Vector3 expected = {start[0] + steps * step[0],
                              start[1] + steps * step[1],
                              start[2] + steps * step[2]};
    const double off = distance(*slices[k].position, expected);
    if (off > kMaxUnevenness * steps * first_gap + 1e-2) {
      throw DataError(str_cat(name_of(slices[k]), ": lies ", off,
                              " mm off the line of the other slices"));
    }
  }
  return step;
}

void sort_by_number(std::vector<DicomSlice>& slices) {
  const auto key = [](const DicomSlice& s) {
    return std::pair(s.instance_number, s.frame);
  };
  std::stable_sort(slices.begin(), slices.end(),
                   [&](const DicomSlice& a, const DicomSlice& b) {
                     return key(a) < key(b);
                   });
  for (size_t k = 1; k < slices.size(); ++k) {
    if (key(slices[k]) == key(slices[k - 1])) {
      throw DataError(str_cat(name_of(slices[k]), ": InstanceNumber ",
                              slices[k].instance_number, " is that of ",
                              name_of(slices[k - 1]),
                              ", and neither has a position"));
    }
  }
}

// What the file says, else what the caller says, else 1 mm with a remark.
std::array<double, 3> choose_spacing(const DicomSlice& slice,
                                     const VolumeFile& file,
                                     VolumeNotes& notes) {
  std::array<double, 3> spacing =
      file.spacing_mm.value_or(std::array{1.0, 1.0, 1.0});
  if (slice.pixel_spacing_mm.has_value()) {
    spacing[1] = (*slice.pixel_spacing_mm)[0];
    spacing[2] = (*slice.pixel_spacing_mm)[1];
  } else if (!file.spacing_mm.has_value()) {
    notes.remarks.push_back("no PixelSpacing: 1 mm is assumed");
  }
  if (slice.depth_spacing_mm.has_value()) {
    spacing[0] = *slice.depth_spacing_mm;
  }
  check_spacing(spacing, slice.path);
  return spacing;
}

}  // namespace

Volume arrange_slices(std::vector<DicomSlice>& slices, const VolumeFile& file,
                      VolumeNotes& notes) {
  for (const DicomSlice& slice : slices) {
    check_same_grid(slices.front(), slice);
  }
  const DicomSlice sample = slices.front();
  Volume volume;
  volume.shape = {static_cast<int64_t>(slices.size()), sample.height,
                  sample.width};
  volume.spacing_mm = choose_spacing(sample, file, notes);
  if (!sample.position.has_value() || !sample.directions.has_value()) {
    sort_by_number(slices);
    notes.remarks.push_back(
        "no position or orientation: in the order of InstanceNumber");
    volume.affine = affine_from_spacing(volume.spacing_mm);
    return volume;
  }
  const Vector3 normal = normal_of(sample);
  Placement placement;
  placement.step_w = scaled((*sample.directions)[0], volume.spacing_mm[2]);
  placement.step_h = scaled((*sample.directions)[1], volume.spacing_mm[1]);
  placement.step_d = scaled(normal, volume.spacing_mm[0]);
  if (slices.size() > 1) {
    placement.step_d = sort_by_position(slices);
    volume.spacing_mm[0] = dot(placement.step_d, normal);
  }
  placement.origin = *slices.front().position;
  volume.affine = affine_from_lps(placement);
  check_affine(volume.affine, "position and orientation", sample.path);
  return volume;
}

}  // namespace voxlift::dataio
