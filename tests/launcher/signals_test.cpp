#include "launcher/signals.h"

#include <gtest/gtest.h>

namespace voxlift::launcher {
namespace {

TEST(StopSignalsTest, RemembersEachOfItsSignals) {
  for (const int number : {SIGTERM, SIGUSR1, SIGUSR2, SIGINT}) {
    const StopSignals stop;
    EXPECT_FALSE(stop.requested());
    ::raise(number);
    EXPECT_TRUE(stop.requested());
    EXPECT_EQ(stop.last_signal(), number);
  }
}

TEST(StopSignalsTest, GivesTheHandlersBack) {
  struct sigaction before {};

  ::signal(SIGUSR2, SIG_IGN);
  { const StopSignals stop; }
  ::sigaction(SIGUSR2, nullptr, &before);
  EXPECT_EQ(before.sa_handler, SIG_IGN);
  ::signal(SIGUSR2, SIG_DFL);
}

TEST(StopSignalsTest, CanBeIgnoredToTheEnd) {
  EXPECT_EXIT(
      {
        {
          StopSignals signals;
          signals.ignore_from_now();
        }
        ::raise(SIGTERM);
        ::_exit(75);
      },
      testing::ExitedWithCode(75), "");
}

}  // namespace
}  // namespace voxlift::launcher
