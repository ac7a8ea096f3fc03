#include "dataio/decode/volume_file.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_npz(Bytes input) {
  const std::string path = scratch_file("a.npz", input);
  for (const char* part : {"", "voxel"}) {
    accept_or_refuse([&] {
      (void)dataio::read_volume({.path = path, .part = part}, kLimits);
    });
  }
}

}  // namespace voxlift::fuzz
