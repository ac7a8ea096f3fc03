#include "sharding/voxel_join.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

constexpr size_t kChunk = 24;  // Elements of a row; two slices of three rows.
constexpr size_t kOut = 40;

// Voxels of a chunk of 2 x 3 x kChunk, and their shuffled bytes.
template <typename T>
struct MadeChunk {
  MadeChunk() : voxels(2 * 3 * kChunk), planes(voxels.size() * sizeof(T)) {
    RandomStream draws(3, Purpose::kAugment, 0, sizeof(T));
    for (size_t i = 0; i < voxels.size(); ++i) {
      voxels[i] = static_cast<T>(draws.uniform_int(-32768, 32767));
      for (size_t byte = 0; byte < sizeof(T); ++byte) {
        std::memcpy(&planes[byte * voxels.size() + i],
                    reinterpret_cast<const char*>(&voxels[i]) + byte, 1);
      }
    }
  }

  std::vector<T> voxels;
  std::vector<std::byte> planes;
};

// Two slices of two rows of `width` voxels, at odd places on both sides.
SharedBox made_box(size_t width) {
  return {{2, 2, width}, {kChunk + 2, kChunk, 3 * kChunk}, {5, kOut, 2 * kOut}};
}

// Calls check(element of the chunk, element of the output) for each voxel.
template <typename Check>
void for_each_voxel(const SharedBox& box, const Check& check) {
  for (size_t d = 0; d < box.size[0]; ++d) {
    for (size_t h = 0; h < box.size[1]; ++h) {
      for (size_t w = 0; w < box.size[2]; ++w) {
        check(box.from.first + d * box.from.slice + h * box.from.row + w,
              box.to.first + d * box.to.slice + h * box.to.row + w);
      }
    }
  }
}

template <typename T>
void expect_joined(VoxelStorage storage) {
  const MadeChunk<T> chunk;
  for (size_t width = 1; width <= kChunk - 2; ++width) {
    const SharedBox box = made_box(width);
    constexpr float kUntouched = 0.25F;
    std::vector<float> want(4 * kOut, kUntouched);
    std::vector<float> out = want;
    for_each_voxel(box, [&](size_t from, size_t to) {
      want[to] = static_cast<float>(chunk.voxels[from]);
    });
    join_planes(chunk.planes, storage, box, out);
    EXPECT_EQ(out, want) << "width " << width;
  }
}

TEST(VoxelJoinTest, JoinsRowsOfEveryWidthAndNothingElse) {
  expect_joined<uint8_t>(VoxelStorage::kUint8);
  expect_joined<int16_t>(VoxelStorage::kInt16);
  expect_joined<float>(VoxelStorage::kFloat32);
}

TEST(VoxelJoinTest, CopiesBytes) {
  const MadeChunk<uint8_t> chunk;
  const SharedBox box = made_box(11);
  std::vector<uint8_t> want(4 * kOut, 0);
  std::vector<uint8_t> out = want;
  for_each_voxel(
      box, [&](size_t from, size_t to) { want[to] = chunk.voxels[from]; });
  copy_bytes(chunk.planes, box, out);
  EXPECT_EQ(out, want);
}

TEST(VoxelJoinTest, RefusesBoxesOutsideOfAnArray) {
  const MadeChunk<int16_t> chunk;
  std::vector<float> out(4 * kOut);
  const auto join = [&](const SharedBox& box) {
    join_planes(chunk.planes, VoxelStorage::kInt16, box, out);
  };
  join({{1, 1, kChunk}, {5 * kChunk, 0, 0}, {}});
  SharedBox box = {{1, 1, kChunk}, {5 * kChunk + 1, 0, 0}, {}};
  expect_error<InternalError>([&] { join(box); }, {"box outside of an array"});
  box = {{1, 1, kChunk}, {}, {3 * kOut + kChunk, 0, 0}};
  expect_error<InternalError>([&] { join(box); }, {"box outside of an array"});
  box = {{1, 0, 1}, {}, {}};
  expect_error<InternalError>([&] { join(box); }, {"box outside of an array"});
}

}  // namespace
}  // namespace voxlift::sharding
