#include "dataio/decode/dicom_pixels.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// With GDCM, which decodes encapsulated pixels.
void fuzz_dicom_pixels(Bytes input) {
  accept_or_refuse([&] {
    const auto file = dataio::parse_dicom(input, "a.dcm");
    const auto pixels = dataio::describe_pixels(file, "a.dcm", kLimits);
    (void)dataio::read_pixels(file, pixels, "a.dcm");
  });
}

}  // namespace voxlift::fuzz
