// From the elements of a file to its slices.

#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/dicom.h"

namespace voxlift::dataio {

namespace {

constexpr uint32_t kSliceThickness = 0x00180050;
constexpr uint32_t kSpacingBetweenSlices = 0x00180088;
constexpr uint32_t kSeriesInstanceUid = 0x0020000e;
constexpr uint32_t kInstanceNumber = 0x00200013;
constexpr uint32_t kImagePosition = 0x00200032;
constexpr uint32_t kImageOrientation = 0x00200037;
constexpr uint32_t kPlanePosition = 0x00209113;
constexpr uint32_t kPlaneOrientation = 0x00209116;
constexpr uint32_t kPixelSpacing = 0x00280030;
constexpr uint32_t kRescaleIntercept = 0x00281052;
constexpr uint32_t kRescaleSlope = 0x00281053;
constexpr uint32_t kModalityLut = 0x00283000;
constexpr uint32_t kPixelMeasures = 0x00289110;
constexpr uint32_t kPixelValues = 0x00289145;
constexpr uint32_t kSharedGroups = 0x52009229;
constexpr uint32_t kFrameGroups = 0x52009230;

// Looks a value up for one frame: in the frame's own groups, the shared ones,
// and the file itself.
class FrameValues {
 public:
  FrameValues(const DicomSet& set, size_t frame, const std::string& origin)
      : set_(set),
        own_(set.item(kFrameGroups, frame)),
        shared_(set.item(kSharedGroups, 0)),
        origin_(origin) {}

  // Empty where nobody says. Throws DataError unless there are `count`.
  std::vector<double> numbers(uint32_t group, uint32_t tag, size_t count,
                              const char* name) const {
    std::vector<double> found;
    for (const DicomSet* groups : {own_, shared_}) {
      const DicomSet* item =
          groups == nullptr ? nullptr : groups->item(group, 0);
      if (item != nullptr && found.empty()) {
        found = item->numbers(tag, origin_);
      }
    }
    if (found.empty()) {
      found = set_.numbers(tag, origin_);
    }
    if (!found.empty() && found.size() != count) {
      throw DataError(str_cat(origin_, ": DICOM ", name, " has ", found.size(),
                              " numbers, want ", count));
    }
    for (const double value : found) {
      if (!std::isfinite(value)) {
        throw DataError(str_cat(origin_, ": DICOM ", name, " is ", value));
      }
    }
    return found;
  }

 private:
  const DicomSet& set_;
  const DicomSet* own_;
  const DicomSet* shared_;
  const std::string& origin_;
};

void take_scale(const FrameValues& values, const std::string& origin,
                DicomSlice& slice) {
  const auto slope =
      values.numbers(kPixelValues, kRescaleSlope, 1, "RescaleSlope");
  const auto intercept =
      values.numbers(kPixelValues, kRescaleIntercept, 1, "RescaleIntercept");
  slice.slope = slope.empty() ? 1.0 : slope[0];
  slice.offset = intercept.empty() ? 0.0 : intercept[0];
  if (slice.slope == 0.0) {
    throw DataError(origin + ": DICOM RescaleSlope is 0, every voxel is lost");
  }
}

void take_directions(const FrameValues& values, const std::string& origin,
                     DicomSlice& slice) {
  const auto o = values.numbers(kPlaneOrientation, kImageOrientation, 6,
                                "ImageOrientationPatient");
  if (o.empty()) {
    return;
  }
  const Vector3 row = {o[0], o[1], o[2]};
  const Vector3 column = {o[3], o[4], o[5]};
  constexpr double kTolerance = 1e-2;
  if (std::fabs(norm(row) - 1.0) > kTolerance ||
      std::fabs(norm(column) - 1.0) > kTolerance ||
      std::fabs(dot(row, column)) > kTolerance) {
    throw DataError(str_cat(origin,
                            ": DICOM ImageOrientationPatient has axes "
                            "of lengths ",
                            norm(row), " and ", norm(column),
                            " at a cosine of ", dot(row, column),
                            ", want 1, 1 and 0"));
  }
  slice.directions = {row, column};
}

void take_place(const FrameValues& values, const std::string& origin,
                DicomSlice& slice) {
  const auto position =
      values.numbers(kPlanePosition, kImagePosition, 3, "ImagePositionPatient");
  if (!position.empty()) {
    slice.position = {position[0], position[1], position[2]};
  }
  take_directions(values, origin, slice);
  const auto pixel =
      values.numbers(kPixelMeasures, kPixelSpacing, 2, "PixelSpacing");
  if (!pixel.empty()) {
    check_spacing({1.0, pixel[0], pixel[1]}, origin);
    slice.pixel_spacing_mm = {pixel[0], pixel[1]};
  }
  for (const uint32_t tag : {kSpacingBetweenSlices, kSliceThickness}) {
    const auto depth = values.numbers(kPixelMeasures, tag, 1, "SliceThickness");
    if (!depth.empty() && depth[0] > 0.0 && !slice.depth_spacing_mm) {
      slice.depth_spacing_mm = depth[0];
    }
  }
}

}  // namespace

std::vector<DicomSlice> describe_slices(const DicomFile& file,
                                        const DicomPixels& pixels,
                                        const std::string& path) {
  if (file.set.find(kModalityLut) != nullptr) {
    throw DataError(path +
                    ": DICOM with a Modality LUT Sequence, want "
                    "RescaleSlope and RescaleIntercept");
  }
  std::vector<DicomSlice> slices;
  const auto number = file.set.numbers(kInstanceNumber, path);
  for (int64_t k = 0; k < pixels.num_frames; ++k) {
    DicomSlice slice;
    slice.path = path;
    slice.frame = k;
    slice.height = pixels.height;
    slice.width = pixels.width;
    slice.instance_number = number.empty() || !(std::fabs(number[0]) < 1e9)
                                ? 0
                                : static_cast<int64_t>(number[0]);
    slice.series = file.set.text(kSeriesInstanceUid);
    const FrameValues values(file.set, static_cast<size_t>(k), path);
    take_scale(values, path, slice);
    take_place(values, path, slice);
    slices.push_back(std::move(slice));
  }
  return slices;
}

}  // namespace voxlift::dataio
