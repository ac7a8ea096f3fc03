#include "sharding/dataset_index.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_dataset_index(Bytes input) {
  accept_or_refuse([&] {
    scratch_file("index.json", input);
    const RealFiles files;
    const auto index = sharding::read_dataset_index(scratch_dir(), files);
    const std::string text = sharding::index_to_json(index).dump();
    scratch_file("index.json", as_bytes(text));
    const auto again = sharding::read_dataset_index(scratch_dir(), files);
    VOXLIFT_CHECK(sharding::index_to_json(again).dump() == text,
                  "an index that is written is read as another");
  });
}

}  // namespace voxlift::fuzz
