#include "sharding/shard_index.h"

#include <span>

#include "base/crc32c.h"

namespace voxlift::sharding {
namespace {

template <typename T>
uint32_t add(const std::vector<T>& values, uint32_t crc) {
  return crc32c(std::as_bytes(std::span(values)), crc);
}

}  // namespace

uint32_t index_crc32c(const ShardIndex& index) {
  uint32_t crc = add(index.offset, 0);
  crc = add(index.length, crc);
  crc = add(index.label, crc);
  crc = add(index.crc32c, crc);
  for (const std::string& id : index.id) {
    crc = crc32c(std::as_bytes(std::span(id.c_str(), id.size() + 1)), crc);
  }
  return crc;
}

}  // namespace voxlift::sharding
