#include "trainer/reduce/bucket_size.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

// What is measured on a network where a sum costs `latency_s` and `s_per_mb`.
int64_t measured_mb(double latency_s, double s_per_mb, int64_t most_bytes) {
  FakeClock clock;
  return measure_bucket_bytes(
             clock, most_bytes,
             [&](int64_t bytes) {
               clock.advance(latency_s +
                             s_per_mb * 1e-6 * static_cast<double>(bytes));
             }) /
         1'000'000;
}

TEST(BucketSizeTest, IsLargeEnoughToHideLatency) {
  EXPECT_EQ(measured_mb(0.0, 0.01, 1'000'000'000), 1);
  EXPECT_EQ(measured_mb(0.01, 0.01, 1'000'000'000), 8);
  EXPECT_EQ(measured_mb(1.0, 0.01, 1'000'000'000), 32);
}

TEST(BucketSizeTest, IsNoLargerThanTheGradients) {
  EXPECT_EQ(measured_mb(1.0, 0.01, 5'000'000), 4);
  EXPECT_EQ(measured_mb(1.0, 0.01, 10), 1);
}

}  // namespace
}  // namespace voxlift::trainer
