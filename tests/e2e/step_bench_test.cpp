// `voxlift bench train.step`, as a user runs it.

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"

namespace voxlift::test {
namespace {

using Words = std::vector<std::string>;

const Words kTiny = {
    "bench",           "train.step", "--shape",         "3,32,32",
    "--slot-batch",    "2",          "--stem-channels", "4",
    "--base-channels", "4",          "--steps",         "2",
    "--warmup",        "1"};

ChildResult bench(Words before, const Words& more = {}) {
  before.push_back(VOXLIFT);
  before.insert(before.end(), kTiny.begin(), kTiny.end());
  before.insert(before.end(), more.begin(), more.end());
  return run_program(before, {"OMPI_MCA_mpi_yield_when_idle=1"});
}

TEST(StepBenchTest, MeasuresTwoRanksWithAndWithoutTheirSum) {
  const ChildResult result =
      bench({"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"},
            {"--slots", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto lines = str_split(str_trim(result.out), '\n');
  ASSERT_EQ(lines.size(), 3U);
  const Json step = parse_json(lines[0], "bench");
  EXPECT_EQ(step.at("name"), "train.step");
  EXPECT_EQ(step.at("ranks"), 2);
  EXPECT_EQ(step.at("n"), 2);
  EXPECT_NEAR(
      step.at("samples_s").get<double>() * step.at("median").get<double>(), 8.0,
      1e-6);
  EXPECT_GT(step.at("gradient_bytes").get<int64_t>(), 0);
  EXPECT_EQ(parse_json(lines[1], "bench").at("name"), "train.step.alone");
  EXPECT_EQ(parse_json(lines[2], "bench").at("name"), "train.step.sync_share");
}

TEST(StepBenchTest, MeasuresTheStepItself) {
  const ChildResult result = bench({}, {"--alone", "false"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(str_split(str_trim(result.out), '\n').size(), 1U);
}

TEST(StepBenchTest, MeasuresReducedPrecisionAndChannelsLast) {
  const ChildResult result = bench({}, {"--alone", "false", "--precision",
                                        "bf16", "--channels-last", "true"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json step = parse_json(str_trim(result.out), "bench");
  EXPECT_EQ(step.at("precision"), "bf16");
  EXPECT_EQ(step.at("memory_format"), "channels_last");
}

TEST(StepBenchTest, NamesTheBadOption) {
  ChildResult result = bench({}, {"--classes", "0"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("classes = 0"), std::string::npos) << result.err;
  result = bench({}, {"--precision", "f16"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("precision = 'f16'"), std::string::npos)
      << result.err;
  result = run_program({VOXLIFT, "bench", "train.step", "--warmup", "-1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("warmup = -1"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace voxlift::test
