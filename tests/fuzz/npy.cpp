#include "dataio/decode/npy.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// First byte: bit 0 asks for position 0, bit 1 says that depth comes last.
void fuzz_npy(Bytes input) {
  InputReader reader(input);
  const uint8_t choice = reader.byte();
  accept_or_refuse([&] {
    dataio::VolumeFile file{.path = "a.npy"};
    file.position = (choice & 1U) != 0 ? 0 : -1;
    file.axes =
        (choice & 2U) != 0 ? dataio::ArrayAxes::kHWD : dataio::ArrayAxes::kDHW;
    const auto source = dataio::make_memory_source(reader.rest());
    dataio::VolumeNotes notes;
    (void)dataio::read_npy_array(*source, file, "a.npy", kLimits, notes);
  });
}

}  // namespace voxlift::fuzz
