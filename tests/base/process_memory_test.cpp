#include "base/process_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace voxlift {
namespace {

TEST(ProcessMemoryTest, SeesWhatIsTouched) {
  constexpr int64_t kBytes = 64 << 20;
  const ProcessMemory before = process_memory();
  EXPECT_GT(before.resident_bytes, 0);
  const std::vector<char> block(kBytes, 1);
  const ProcessMemory after = process_memory();
  EXPECT_GE(after.resident_bytes, before.resident_bytes + kBytes * 9 / 10);
  EXPECT_GE(after.peak_bytes, after.resident_bytes * 9 / 10);
  EXPECT_EQ(block.back(), 1);
}

TEST(ProcessMemoryTest, ThePeakCanCountAnew) {
  constexpr size_t kBytes = size_t{64} << 20;
  {
    const std::vector<char> block(kBytes, 1);
    ASSERT_GE(process_memory().peak_bytes, static_cast<int64_t>(kBytes));
  }
  const int64_t before = process_memory().peak_bytes;
  if (!restart_peak()) {
    GTEST_SKIP() << "the kernel has no /proc/self/clear_refs";
  }
  EXPECT_LT(process_memory().peak_bytes, before);
}

}  // namespace
}  // namespace voxlift
