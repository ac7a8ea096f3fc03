#include "dataio/source/lidc.h"

#include <algorithm>

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// The table of nodules, a NUL, the table of the split.
void fuzz_lidc(Bytes input) {
  const auto end = std::find(input.begin(), input.end(), std::byte{0});
  const auto length = static_cast<size_t>(end - input.begin());
  accept_or_refuse([&] {
    scratch_file("info/lidc_nodule_info_new_with_subset.csv",
                 input.first(length));
    scratch_file("train_test_split.csv",
                 input.subspan(std::min(length + 1, input.size())));
    for (const char* nodule : {"nodule/0.npz", "nodule/1.npz"}) {
      scratch_file(nodule, {});
    }
    (void)dataio::list_lidc(scratch_dir(), "all",
                            dataio::LidcTask::kMalignancy);
  });
}

}  // namespace voxlift::fuzz
