#include "dataio/source/deeplesion_lists.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// First byte: bit 0 chooses JSON, bit 1 keeps noisy lesions.
void fuzz_deeplesion(Bytes input) {
  InputReader reader(input);
  const uint8_t choice = reader.byte();
  const bool keep_noisy = (choice & 2U) != 0;
  accept_or_refuse([&] {
    if ((choice & 1U) != 0) {
      const auto path = scratch_file("list.json", reader.rest());
      (void)dataio::read_deeplesion_json(path, 1, keep_noisy);
    } else {
      const auto path = scratch_file("DL_info.csv", reader.rest());
      (void)dataio::read_deeplesion_csv(path, keep_noisy);
    }
  });
}

}  // namespace voxlift::fuzz
