#include "trainer/fault.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::trainer {
namespace {

TEST(FaultTest, ReadsKindStepAndRank) {
  const Fault fault = parse_fault("hang@step=7,rank=1", "run.fault");
  EXPECT_EQ(fault.kind, Fault::Kind::kHang);
  EXPECT_EQ(fault.step, 7);
  EXPECT_EQ(fault.rank, 1);
  EXPECT_EQ(parse_fault("", "run.fault").kind, Fault::Kind::kNone);
}

TEST(FaultTest, RefusesWhatItCannotRead) {
  for (const std::string text :
       {"kill", "kill@", "kill@step=x,rank=1", "burn@step=1,rank=1",
        "kill@rank=1,step=1", "kill@step=-1,rank=0"}) {
    test::expect_error<ConfigError>([&] { parse_fault(text, "run.fault"); },
                                    {"run.fault", text, "kill@step=7,rank=1"});
  }
}

TEST(FaultDeathTest, KillsOnceAtItsStepAndRank) {
  const test::TempDir temp;
  const std::string marker = temp.file("fired");
  const Fault fault = parse_fault("kill@step=2,rank=1", "run.fault");
  fire_fault(fault, 1, 1, marker);
  fire_fault(fault, 2, 0, marker);
  EXPECT_EXIT(fire_fault(fault, 2, 1, marker), testing::KilledBySignal(SIGKILL),
              "");
  fire_fault(fault, 2, 1, marker);  // Not again.
}

}  // namespace
}  // namespace voxlift::trainer
