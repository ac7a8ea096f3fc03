#include "base/progress.h"

#include <gtest/gtest.h>

namespace voxlift {
namespace {

// Standard error is a file in these tests, so one line per ten seconds.
class ProgressLineTest : public ::testing::Test {
 protected:
  std::string shown(void (*body)(ProgressLine&, FakeClock&), bool quiet) {
    FakeClock clock;
    ::testing::internal::CaptureStderr();
    ProgressLine progress("pack", "img", 200, quiet, clock);
    body(progress, clock);
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(ProgressLineTest, ShowsCountRateAndTimeLeft) {
  const auto body = [](ProgressLine& progress, FakeClock& clock) {
    progress.update(0);
    clock.advance(20.0);
    progress.update(100, "loss 1.5");
  };
  EXPECT_EQ(shown(body, false),
            "pack  100/200  50%  5.0 img/s  ETA 20.0s  loss 1.5\n");
}

TEST_F(ProgressLineTest, DoesNotCountWhatWasDoneBefore) {
  const auto body = [](ProgressLine& progress, FakeClock& clock) {
    progress.update(100);
    clock.advance(10.0);
    progress.update(120);
    EXPECT_EQ(progress.rate(), 2.0);
  };
  EXPECT_EQ(shown(body, false), "pack  120/200  60%  2.0 img/s  ETA 40.0s\n");
}

TEST_F(ProgressLineTest, ShowsALineNowAndThenOnly) {
  const auto body = [](ProgressLine& progress, FakeClock& clock) {
    for (int i = 0; i <= 200; ++i) {
      progress.update(i);
      clock.advance(0.1);
    }
    progress.finish("done");
  };
  const std::string text = shown(body, false);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_TRUE(text.ends_with("img/s  done\n")) << text;
}

TEST_F(ProgressLineTest, SaysNothingWhenQuiet) {
  const auto body = [](ProgressLine& progress, FakeClock& clock) {
    progress.update(0);
    clock.advance(100.0);
    progress.update(10);
    progress.finish();
  };
  EXPECT_EQ(shown(body, true), "");
}

TEST_F(ProgressLineTest, HasNoRateBeforeItStarts) {
  const FakeClock clock;
  EXPECT_EQ(ProgressLine("x", "img", 1, true, clock).rate(), 0.0);
}

}  // namespace
}  // namespace voxlift
