#include "trainer/comm/copy_sum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/error.h"
#include "tests/trainer/comm/uneven_values.h"

namespace voxlift::trainer {
namespace {

TEST(CopySumTest, GivesTheBitsOfTheTreeInEveryCopy) {
  for (const int64_t copies : {1, 2, 4, 8, 16}) {
    for (const size_t count : {1U, 17U, 1024U, 1025U, 5000U}) {
      std::vector<std::vector<float>> vectors;
      std::vector<std::byte*> pointers;
      for (int64_t c = 0; c < copies; ++c) {
        vectors.push_back(uneven_values(c, count));
      }
      for (auto& vector : vectors) {
        pointers.push_back(reinterpret_cast<std::byte*>(vector.data()));
      }
      sum_copies(pointers, pointers, {0, static_cast<int64_t>(count)},
                 DType::kFloat32);
      const std::vector<float> expected = tree_sum(0, copies, count);
      for (const auto& vector : vectors) {
        EXPECT_EQ(0, std::memcmp(vector.data(), expected.data(),
                                 count * sizeof(float)))
            << copies << " copies of " << count;
      }
    }
  }
}

TEST(CopySumTest, TouchesNothingOutsideItsRange) {
  std::vector<int64_t> a = {1, 2, 3, 4};
  std::vector<int64_t> b = {10, 20, 30, 40};
  std::vector<int64_t> c = {100, 200, 300, 400};
  std::vector<std::byte*> from;
  for (auto* vector : {&a, &b, &c}) {
    from.push_back(reinterpret_cast<std::byte*>(vector->data()));
  }
  sum_copies(from, std::span(from).first(1), {1, 3}, DType::kInt64);
  EXPECT_EQ(a, (std::vector<int64_t>{1, 222, 333, 4}));
  EXPECT_EQ(b, (std::vector<int64_t>{10, 20, 30, 40}));
}

TEST(CopySumTest, RefusesBytes) {
  EXPECT_THROW(sum_copies({}, {}, {0, 1}, DType::kUint8), InternalError);
}

TEST(CopySumTest, PartsCoverEveryElementOnceAndMeetBetweenCacheLines) {
  for (const int64_t count : {0, 1, 15, 16, 17, 100, 4097}) {
    for (const int parts : {1, 2, 3, 8}) {
      int64_t end = 0;
      for (int p = 0; p < parts; ++p) {
        const ElementRange part = part_of(count, DType::kFloat32, p, parts);
        EXPECT_EQ(part.begin, end);
        EXPECT_TRUE(part.begin % 16 == 0 || part.begin == count);
        end = part.end;
      }
      EXPECT_EQ(end, count);
    }
  }
}

}  // namespace
}  // namespace voxlift::trainer
