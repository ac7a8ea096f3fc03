#include "dataio/decode/volume_file.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_nrrd(Bytes input) {
  accept_or_refuse([&] {
    scratch_file("a.raw", input.first(input.size() / 2));
    const std::string path = scratch_file("a.nrrd", input);
    (void)dataio::read_volume({.path = path}, kLimits);
  });
}

}  // namespace voxlift::fuzz
