#include "sharding/volume_index.h"

#include <algorithm>
#include <span>

#include "base/crc32c.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

dataio::Shape3 triple(const std::vector<int64_t>& rows, int64_t i) {
  const auto first = static_cast<size_t>(3 * i);
  return {rows[first], rows[first + 1], rows[first + 2]};
}

uint32_t add_texts(const std::vector<std::string>& texts, uint32_t crc) {
  for (const std::string& text : texts) {
    crc = crc32c(std::as_bytes(std::span(text.c_str(), text.size() + 1)), crc);
  }
  return crc;
}

}  // namespace

dataio::Shape3 VolumeIndex::shape_of(int64_t i) const {
  return triple(shape, i);
}

dataio::Shape3 VolumeIndex::chunk_of(int64_t i) const {
  return triple(chunk, i);
}

dataio::Shape3 VolumeIndex::grid_of(int64_t i) const {
  const dataio::Shape3 size = shape_of(i);
  const dataio::Shape3 side = chunk_of(i);
  dataio::Shape3 grid;
  for (size_t axis = 0; axis < 3; ++axis) {
    grid[axis] = (size[axis] + side[axis] - 1) / side[axis];
  }
  return grid;
}

int64_t VolumeIndex::num_chunks_of(int64_t i) const {
  const dataio::Shape3 grid = grid_of(i);
  return grid[0] * grid[1] * grid[2];
}

std::string volume_name(int64_t i) {
  constexpr size_t kDigits = 8;
  const std::string digits = std::to_string(i);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

VolumeStarts find_starts(const VolumeIndex& index) {
  VolumeStarts starts{{0}, {0}};
  for (int64_t i = 0; i < index.num_samples(); ++i) {
    starts.chunk.push_back(starts.chunk.back() + index.num_chunks_of(i));
    starts.box.push_back(starts.box.back() +
                         index.num_boxes[static_cast<size_t>(i)]);
  }
  return starts;
}

uint32_t index_crc32c(const VolumeIndex& index) {
  uint32_t crc = 0;
  visit_arrays(index, [&](const char*, const auto& array, int) {
    crc = crc32c(std::as_bytes(std::span(array)), crc);
  });
  return add_texts(index.subject, add_texts(index.id, crc));
}

}  // namespace voxlift::sharding
