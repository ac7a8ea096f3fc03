#include "dataio/source/val_list.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_val_list(Bytes input) {
  accept_or_refuse([&] {
    const dataio::ValList list(scratch_file("val.txt", input), 3);
    for (const dataio::ValLine& line : list.lines()) {
      VOXLIFT_CHECK(line.label >= 0 && line.label < 3, "a label of no class");
    }
  });
}

}  // namespace voxlift::fuzz
