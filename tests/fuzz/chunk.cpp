#include <algorithm>
#include <vector>

#include "sharding/voxel_join.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

void inflate(InputReader input) {
  const auto storage = static_cast<sharding::VoxelStorage>(input.byte() % 3);
  const size_t num_voxels = 1 + size_t{16} * input.byte() + input.byte();
  std::vector<std::byte> planes(
      num_voxels * static_cast<size_t>(sharding::storage_bytes(storage)));
  if (sharding::ChunkDecoder().inflate(input.rest(), planes)) {
    std::vector<float> voxels(num_voxels);
    sharding::join_planes(planes, storage, {{1, 1, num_voxels}, {}, {}},
                          voxels);
  }
}

// What is encoded comes back.
void round_trip(Bytes elements) {
  sharding::ChunkEncoder encoder;
  std::vector<std::byte> planes(elements.size());
  VOXLIFT_CHECK(
      sharding::ChunkDecoder().inflate(encoder.encode(elements, 1), planes) &&
          std::equal(planes.begin(), planes.end(), elements.begin()),
      "a chunk does not come back");
}

}  // namespace

void fuzz_chunk(Bytes input) {
  inflate(InputReader(input));
  if (!input.empty()) {
    round_trip(input);
  }
}

}  // namespace voxlift::fuzz
