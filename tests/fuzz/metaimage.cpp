#include "dataio/decode/volume_file.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_metaimage(Bytes input) {
  accept_or_refuse([&] {
    scratch_file("a.raw", input.first(input.size() / 2));
    const std::string path = scratch_file("a.mha", input);
    (void)dataio::read_volume({.path = path}, kLimits);
  });
}

}  // namespace voxlift::fuzz
