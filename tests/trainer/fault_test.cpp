#include "trainer/fault.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/fault_files.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kKey = "run.fault";

Faults faults_of(const std::string& text, int rank, const test::TempDir& temp) {
  return {parse_faults(text, kKey), rank, temp.path()};
}

TEST(FaultTest, ReadsKindStepAndRank) {
  const auto faults = parse_faults("hang@step=7,rank=1", kKey);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].kind, Fault::Kind::kHang);
  EXPECT_EQ(faults[0].step, 7);
  EXPECT_EQ(faults[0].rank, 1);
  EXPECT_TRUE(parse_faults("", kKey).empty());
}

TEST(FaultTest, ReadsAListWithItsFields) {
  const auto faults = parse_faults(
      "slow@rank=2,step=3,factor=2.5; exit@step=4,rank=0,code=7;"
      "enospc@step=6,rank=0,steps=3;corrupt@step=5,rank=0,what=checkpoint;"
      "nan@step=1,rank=0;spin@step=2,rank=1",
      kKey);
  ASSERT_EQ(faults.size(), 6U);
  EXPECT_EQ(faults[0].factor, 2.5);
  EXPECT_EQ(faults[0].rank, 2);
  EXPECT_EQ(faults[1].code, 7);
  EXPECT_EQ(faults[2].steps, 3);
  EXPECT_EQ(faults[3].kind, Fault::Kind::kCorrupt);
  EXPECT_EQ(faults[4].kind, Fault::Kind::kNan);
  EXPECT_EQ(faults[5].kind, Fault::Kind::kSpin);
  EXPECT_EQ(faults[5].text, "spin@step=2,rank=1");
}

TEST(FaultTest, RefusesWhatItCannotRead) {
  for (const std::string text :
       {"kill", "kill@", "kill@step=x,rank=1", "burn@step=1,rank=1",
        "kill@step=-1,rank=0", "kill@step=1", "kill@rank=1",
        "kill@step=1,rank=0,factor=2", "slow@step=1,rank=0,factor=0.5",
        "slow@step=1,rank=0,factor=nan", "exit@step=1,rank=0,code=256",
        "enospc@step=1,rank=0,steps=0", "corrupt@step=1,rank=0,what=shard",
        "kill@step=1,rank"}) {
    test::expect_error<ConfigError>([&] { parse_faults(text, kKey); },
                                    {kKey, text, "kill@step=7,rank=1"});
  }
  test::expect_error<ConfigError>(
      [&] { parse_faults("kill@step=1,rank=0;", kKey); }, {"= ''"});
}

TEST(FaultDeathTest, KillsOnceAtItsStepAndRank) {
  const test::TempDir temp;
  const std::string text = "hang@step=9,rank=9;kill@step=2,rank=1";
  faults_of(text, 1, temp).begin_step(1);
  faults_of(text, 0, temp).begin_step(2);
  EXPECT_EXIT(faults_of(text, 1, temp).begin_step(2),
              testing::KilledBySignal(SIGKILL), "kill@step=2,rank=1");
  EXPECT_TRUE(RealFiles().exists(temp.file("fault_fired.1")));
  faults_of(text, 1, temp).begin_step(2);  // Not again.
}

TEST(FaultDeathTest, LeavesWithItsCode) {
  const test::TempDir temp;
  EXPECT_EXIT(faults_of("exit@step=0,rank=0,code=9", 0, temp).begin_step(0),
              testing::ExitedWithCode(9), "");
}

TEST(FaultTest, ASlowRankSleepsByWhatItsStepTook) {
  const test::TempDir temp;
  const RealClock clock;
  Faults faults = faults_of("slow@step=1,rank=0,factor=3", 0, temp);
  faults.begin_step(0);
  faults.end_step(0.02);
  for (int64_t step = 1; step <= 2; ++step) {  // No more for its own sleep.
    const double start_s = clock.now_s();
    faults.begin_step(step);
    EXPECT_GE(clock.now_s() - start_s, 0.04);
    faults.end_step(0.06);
  }
  Faults other = faults_of("slow@step=1,rank=0,factor=1000", 1, temp);
  other.end_step(10.0);
  other.begin_step(1);
}

TEST(FaultTest, PoisonsOneStepOnce) {
  const test::TempDir temp;
  Faults faults = faults_of("nan@step=3,rank=1", 1, temp);
  EXPECT_FALSE(faults.poisons(2));
  EXPECT_TRUE(faults.poisons(3));
  EXPECT_FALSE(faults.poisons(3));
  EXPECT_FALSE(faults_of("nan@step=3,rank=1", 0, temp).poisons(3));
}

TEST(FaultTest, FlipsOneBitInTheLargestFileOfTheNewestCheckpoint) {
  const test::TempDir temp;
  const std::string zeros(100, '\0');
  temp.write("checkpoints/step_00000002/model", zeros);
  temp.write("checkpoints/step_00000004/model", zeros);
  temp.write("checkpoints/step_00000004/small", "x");
  temp.write("checkpoints/step_00000006.tmp/model", zeros);
  faults_of("corrupt@step=5,rank=0", 0, temp).begin_step(5);
  std::string flipped = zeros;
  flipped[50] = 4;
  EXPECT_EQ(test::read_text(temp.file("checkpoints/step_00000004/model")),
            flipped);
  for (const char* untouched : {"checkpoints/step_00000002/model",
                                "checkpoints/step_00000006.tmp/model"}) {
    EXPECT_EQ(test::read_text(temp.file(untouched)), zeros);
  }
}

TEST(FaultTest, CorruptsNothingWhereThereIsNothing) {
  const test::TempDir temp;
  faults_of("corrupt@step=5,rank=0", 0, temp).begin_step(5);
}

TEST(FaultFilesTest, TheDiskIsFullForTheStepsOfTheFaultOnly) {
  const test::TempDir temp;
  const auto faults = parse_faults("enospc@step=4,rank=0,steps=2", kKey);
  const std::array pieces = {as_bytes("bytes")};
  FaultFiles files(faults, 0);
  for (const char* name : {"step_00000003", "step_00000006.tmp", "other"}) {
    files.make_dirs(temp.file(name));
    files.write_durable(temp.file(std::string(name) + "/model"), pieces);
  }
  for (const char* name : {"step_00000004", "step_00000005.tmp"}) {
    files.make_dirs(temp.file(name));
    test::expect_error<IoError>(
        [&] {
          files.write_durable(temp.file(std::string(name) + "/model"), pieces);
        },
        {"No space left on device", name});
  }
  FaultFiles(faults, 1).write_durable(temp.file("step_00000004/model"), pieces);
}

}  // namespace
}  // namespace voxlift::trainer
