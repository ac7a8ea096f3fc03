#include "dataio/source/scan_list.h"

#include <array>

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// First byte: the form of the list.
void fuzz_scan_list(Bytes input) {
  constexpr std::array kNames = {"list.csv", "list.json", "list.jsonl",
                                 "dataset.json"};
  InputReader reader(input);
  const char* name = kNames[reader.byte() % kNames.size()];
  accept_or_refuse([&] {
    for (const char* scan : {"a.nii", "b.nii", "m.nii"}) {
      scratch_file(scan, {});
    }
    const std::string path = scratch_file(name, reader.rest());
    (void)dataio::list_scans(path, {});
  });
}

}  // namespace voxlift::fuzz
