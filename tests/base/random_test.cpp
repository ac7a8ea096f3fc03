#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "tests/support/expect_error.h"

namespace voxlift {
namespace {

using Block = std::array<uint32_t, 4>;

RandomStream stream(uint64_t seed = 1) {
  return {seed, Purpose::kAugment, 0, 0};
}

// The known answers that come with the authors' Random123 library.
TEST(PhiloxTest, GivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
                       {0xA4093822, 0x299F31D0}),
            (Block{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Mix64Test, IsOneToOneOnSmallNumbers) {
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 10000; ++i) {
    seen.insert(mix64(i));
  }
  EXPECT_EQ(seen.size(), 10000U);
}

TEST(RandomStreamTest, RepeatsForEqualKeys) {
  RandomStream a(5, Purpose::kShuffle, 2, 9);
  RandomStream b(5, Purpose::kShuffle, 2, 9);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(a.next_u32(), b.next_u32());
  }
}

TEST(RandomStreamTest, DiffersInEveryPartOfTheKey) {
  std::set<uint64_t> first;
  for (const uint64_t seed : {0, 1}) {
    for (const Purpose purpose : {Purpose::kShuffle, Purpose::kAugment}) {
      for (const uint64_t epoch : {0, 1}) {
        for (const uint64_t id : {0ULL, 1ULL, 1ULL << 40}) {
          first.insert(RandomStream(seed, purpose, epoch, id).next_u64());
        }
      }
    }
  }
  EXPECT_EQ(first.size(), 24U);
}

TEST(RandomStreamTest, DrawsUniformlyFromTheUnitInterval) {
  RandomStream random = stream();
  double sum = 0.0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double draw = random.uniform();
    ASSERT_TRUE(draw >= 0.0 && draw < 1.0);
    sum += draw;
  }
  // Five standard errors of the mean of a uniform variable.
  EXPECT_NEAR(sum / kCount, 0.5, 5.0 / std::sqrt(12.0 * kCount));
}

// A range that does not divide 2^64: without rejection the low values would
// come more often. Five standard deviations of the count.
TEST(RandomStreamTest, DrawsIntegersWithoutBias) {
  RandomStream random = stream();
  constexpr int kCount = 120000;
  constexpr int kRange = 12;
  std::array<int, kRange> counts{};
  for (int i = 0; i < kCount; ++i) {
    ++counts.at(static_cast<size_t>(random.uniform_int(-3, 8) + 3));
  }
  const double expected = static_cast<double>(kCount) / kRange;
  for (const int count : counts) {
    EXPECT_NEAR(count, expected, 5.0 * std::sqrt(expected));
  }
}

// Two thirds of 2^64: with a plain modulo half of the draws fall into the lower
// half of the range's first half.
TEST(RandomStreamTest, DrawsFromAHugeRangeWithoutBias) {
  RandomStream random = stream();
  constexpr int kCount = 20000;
  const int64_t low = INT64_MIN;
  const int64_t middle = INT64_MIN + INT64_MAX / 3 * 2;
  const int64_t high = middle + INT64_MAX / 3 * 2;
  int num_low = 0;
  for (int i = 0; i < kCount; ++i) {
    num_low += random.uniform_int(low, high) < middle ? 1 : 0;
  }
  EXPECT_NEAR(num_low, kCount / 2, 5.0 * std::sqrt(kCount / 4.0));
}

TEST(RandomStreamTest, TakesRangesAtTheirLimits) {
  RandomStream random = stream();
  EXPECT_EQ(random.uniform_int(4, 4), 4);
  EXPECT_NO_THROW(random.uniform_int(INT64_MIN, INT64_MAX));
}

TEST(RandomStreamTest, RejectsAnEmptyRange) {
  test::expect_error<InternalError>([] { stream().uniform_int(2, 1); },
                                    {"empty range"});
}

TEST(RandomStreamTest, DrawsNormallyDistributed) {
  RandomStream random = stream();
  constexpr int kCount = 100000;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kCount; ++i) {
    const double draw = random.normal();
    sum += draw;
    squares += draw * draw;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 5.0 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1.0, 5.0 * std::sqrt(2.0 / kCount));
}

TEST(RandomStreamTest, ShufflesIntoEveryOrderEquallyOften) {
  std::map<std::vector<int>, int> counts;
  constexpr int kCount = 12000;
  for (uint64_t i = 0; i < kCount; ++i) {
    std::vector<int> items = {0, 1, 2};
    RandomStream(7, Purpose::kShuffle, i, 0).shuffle(std::span<int>(items));
    ++counts[items];
  }
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts) {
    EXPECT_NEAR(count, kCount / 6, 5.0 * std::sqrt(kCount / 6.0));
  }
}

}  // namespace
}  // namespace voxlift
