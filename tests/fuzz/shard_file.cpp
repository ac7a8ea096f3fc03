#include "sharding/shard.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// A whole file, HDF5 included.
void fuzz_shard_file(Bytes input) {
  const std::string path = scratch_file("shard.h5", input);
  accept_or_refuse([&] {
    const auto shard = sharding::open_shard(path);
    for (int64_t i = 0; i < shard->num_samples(); ++i) {
      accept_or_refuse([&] { (void)shard->check_sample(i); });
      (void)shard->content_key(i);
    }
    (void)shard->add_fingerprint(0);
  });
}

}  // namespace voxlift::fuzz
