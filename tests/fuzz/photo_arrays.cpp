#include "sharding/shard.h"
#include "tests/fuzz/input.h"
#include "tests/sharding/raw_shard.h"

namespace voxlift::fuzz {

namespace {

void resize(std::vector<int64_t>& array, int64_t value) {
  array.resize(static_cast<size_t>(value) % 8, value);
}

// One wrong value somewhere.
void edit(InputReader& reader, test::RawShard& shard) {
  const uint8_t kind = reader.byte();
  const size_t i = reader.byte() % 3;
  const int64_t value = reader.number();
  auto& index = shard.index;
  switch (kind % 8) {
    case 0:
      return resize(index.offset, value);
    case 1:
      return resize(index.length, value);
    case 2:
      return resize(index.label, value);
    case 3:
      shard.index_crc32c = static_cast<uint32_t>(value);
      return;
    case 4:
      index.crc32c[i] = static_cast<uint32_t>(value);
      return;
    case 5:
      index.id[i].assign(static_cast<size_t>(value) % 2048, 'x');
      return;
    case 6:
      index.offset.resize(3);
      index.offset[i] = value;
      return;
    default:
      index.length.resize(3);
      index.length[i] = value;
  }
}

}  // namespace

// A good shard of photographs, but for some values of its arrays; its checksum
// of the index is right, which mutated files never have.
void fuzz_photo_arrays(Bytes input) {
  InputReader reader(input);
  test::RawShard raw;
  for (int i = 0; i < 8 && !reader.rest().empty(); ++i) {
    edit(reader, raw);
  }
  const std::string path = scratch_dir() + "/photos.h5";
  test::write_raw_shard(path, raw);
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
