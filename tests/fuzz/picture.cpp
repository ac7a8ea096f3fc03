#include "dataio/decode/formats.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_picture(Bytes input) {
  accept_or_refuse([&] { (void)dataio::decode_image(input, "a", kLimits); });
  accept_or_refuse([&] { (void)dataio::decode_grey_png(input, "a", kLimits); });
}

}  // namespace voxlift::fuzz
