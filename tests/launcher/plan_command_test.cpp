// `voxlift plan` and `voxlift bench` by name, as a user runs them.

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

using test::ChildResult;
using Args = std::vector<std::string>;

ChildResult plan(Args args) {
  args.insert(args.begin(), {VOXLIFT, "plan"});
  return test::run_program(args);
}

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << "'" << part << "' is not in: " << text;
}

constexpr const char* kBench =
    R"({"name":"train.step","median":0.25,"ranks":2,"slots":4,"slot_batch":8,)"
    R"("gradient_bytes":1000000}
{"name":"train.step.alone","median":0.2,"ranks":2,"slots":4,"slot_batch":8}
{"name":"train.step.sync_share","median":0.25}
)";

TEST(PlanCommandTest, PrintsALineForEachNumberOfGpus) {
  const ChildResult result =
      plan({"--step-s", "0.5", "--gpus", "8,64,16384", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto lines = str_split(str_trim(result.out), '\n');
  ASSERT_EQ(lines.size(), 3U);
  const Json last = parse_json(lines[2], "plan");
  EXPECT_EQ(last.at("gpus"), 16384);
  EXPECT_EQ(last.at("nodes"), 2048);
  EXPECT_LT(last.at("efficiency").get<double>(), 1.0);
}

TEST(PlanCommandTest, PrintsATable) {
  const ChildResult result = plan({"--step-s", "0.5"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(str_split(str_trim(result.out), '\n').size(), 13U);
  expect_says(result.out, "16384");
}

TEST(PlanCommandTest, ReadsTheStepFromABenchmark) {
  const test::TempDir dir;
  const ChildResult result = plan(
      {"--bench", dir.write("step.jsonl", kBench), "--gpus", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json row = parse_json(str_trim(result.out), "plan");
  EXPECT_EQ(row.at("step_s"), 0.2);  // Without communication.
  EXPECT_EQ(row.at("global_batch"), 16);
}

TEST(PlanCommandTest, SaysWhatIsMissingOrTwice) {
  const test::TempDir dir;
  ChildResult result = plan({});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "step-s = 0");
  result = plan({"--bench", dir.write("step.jsonl", kBench), "--step-s", "1"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "both say");
  result = plan({"--bench", dir.write("other.jsonl", R"({"name":"x"})")});
  EXPECT_EQ(result.exit_code, 3);
  expect_says(result.err, "no line of train.step");
  result = plan({"--step-s", "1", "--gpus", "0"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "gpus = 0");
}

TEST(PlanCommandTest, RunsTheControlPlaneDry) {
  const ChildResult result =
      plan({"--dry-run-ranks", "8", "--samples", "5000", "--values", "10"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(parse_json(str_trim(result.out), "plan").at("steps"), 20);
}

}  // namespace
}  // namespace voxlift::launcher
