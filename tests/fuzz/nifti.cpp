#include "dataio/decode/volume_file.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_nifti(Bytes input) {
  accept_or_refuse([&] {
    const std::string path = scratch_file("a.nii", input);
    (void)dataio::read_volume({.path = path}, kLimits);
  });
  accept_or_refuse([&] { (void)dataio::decode_volume(input, "a", kLimits); });
}

}  // namespace voxlift::fuzz
