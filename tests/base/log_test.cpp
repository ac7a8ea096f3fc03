#include "base/log.h"

#include <gtest/gtest.h>

namespace voxlift {
namespace {

std::string logged(void (*body)()) {
  ::testing::internal::CaptureStderr();
  body();
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, ShowsRankStepAndCaller) {
  const std::string line = logged([] {
    set_log_rank(3);
    set_log_step(120);
    log_error("something");
  });
  EXPECT_NE(line.find("r3 s120 something"), std::string::npos) << line;
  EXPECT_NE(line.find("log_test.cpp:"), std::string::npos) << line;
}

TEST(LogTest, LeavesOutWhatIsNegative) {
  const std::string line = logged([] {
    set_log_rank(-1);
    set_log_step(-1);
    log_error("alone");
  });
  EXPECT_NE(line.find("] alone"), std::string::npos) << line;
}

}  // namespace
}  // namespace voxlift
