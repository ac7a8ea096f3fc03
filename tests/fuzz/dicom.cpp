#include "dataio/decode/dicom.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

constexpr uint32_t kPixelData = 0x7fe00010;

}  // namespace

// Everything but what GDCM decodes.
void fuzz_dicom(Bytes input) {
  accept_or_refuse([&] {
    const auto file = dataio::parse_dicom(input, "a.dcm");
    const auto pixels = dataio::describe_pixels(file, "a.dcm", kLimits);
    auto slices = dataio::describe_slices(file, pixels, "a.dcm");
    const auto* data = file.set.find(kPixelData);
    if (data != nullptr && data->fragments.empty()) {
      (void)dataio::read_pixels(file, pixels, "a.dcm");
    }
    dataio::VolumeNotes notes;
    (void)dataio::arrange_slices(slices, {.path = "a.dcm"}, notes);
  });
}

}  // namespace voxlift::fuzz
