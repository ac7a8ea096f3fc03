#include "trainer/watch/beat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace voxlift::trainer {
namespace {

constexpr uint64_t kToken = 0x1234567890abcdef;

Beat some_beat() {
  return {.kind = Beat::Kind::kFailing,
          .rank = 4095,
          .value = 3,
          .standing = {.step = 841,
                       .steps_done = 40,
                       .phase = Phase::kBackward,
                       .phase_s = 1.5,
                       .operation = Operation::kExchange,
                       .wait_s = 0.25,
                       .entered = 123456789012,
                       .own_s = 10.125,
                       .data_s = 0.5}};
}

TEST(BeatTest, ComesBackAsItWasSent) {
  const auto beat = decode(encode(some_beat(), kToken), kToken);
  ASSERT_TRUE(beat.has_value());
  EXPECT_EQ(beat->kind, Beat::Kind::kFailing);
  EXPECT_EQ(beat->rank, 4095);
  EXPECT_EQ(beat->value, 3);
  EXPECT_EQ(beat->standing.step, 841);
  EXPECT_EQ(beat->standing.steps_done, 40);
  EXPECT_EQ(beat->standing.phase, Phase::kBackward);
  EXPECT_EQ(beat->standing.phase_s, 1.5);
  EXPECT_EQ(beat->standing.operation, Operation::kExchange);
  EXPECT_EQ(beat->standing.wait_s, 0.25);
  EXPECT_EQ(beat->standing.entered, 123456789012);
  EXPECT_EQ(beat->standing.own_s, 10.125);
  EXPECT_EQ(beat->standing.data_s, 0.5);
}

TEST(BeatTest, RefusesAnotherRunsToken) {
  EXPECT_FALSE(decode(encode(some_beat(), kToken), kToken + 1).has_value());
}

TEST(BeatTest, RefusesNumbersThatMeanNothing) {
  // Magic, kind, phase, operation, and the byte that must be zero.
  for (const size_t at : {0, 4, 5, 6, 7}) {
    BeatBytes bytes = encode(some_beat(), kToken);
    bytes[at] = std::byte{200};
    EXPECT_FALSE(decode(bytes, kToken).has_value()) << at;
  }
}

TEST(BeatTest, RefusesTimesThatAreNone) {
  for (const double seconds : {-1.0, std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()}) {
    Beat beat = some_beat();
    beat.standing.wait_s = seconds;
    EXPECT_FALSE(decode(encode(beat, kToken), kToken).has_value());
    beat = some_beat();
    beat.standing.own_s = seconds;
    EXPECT_FALSE(decode(encode(beat, kToken), kToken).has_value());
  }
}

TEST(BeatTest, NeverMoreThanAMessageOutOfAnyBytes) {
  BeatBytes bytes = encode(some_beat(), kToken);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      BeatBytes flipped = bytes;
      flipped[at] ^= std::byte{1} << bit;
      if (const auto beat = decode(flipped, kToken)) {
        EXPECT_LT(static_cast<int>(beat->standing.phase), kNumPhases);
        EXPECT_LT(static_cast<int>(beat->standing.operation), kNumOperations);
        EXPECT_LT(static_cast<int>(beat->kind), Beat::kNumKinds);
      }
    }
  }
}

}  // namespace
}  // namespace voxlift::trainer
