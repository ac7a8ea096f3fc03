#include "dataio/decode/codestream.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_codestream(Bytes input) {
  const auto size = dataio::codestream_size(input);
  VOXLIFT_CHECK(!size || ((*size)[0] >= 0 && (*size)[1] >= 0),
                "a picture of negative size");
}

}  // namespace voxlift::fuzz
