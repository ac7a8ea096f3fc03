#include "trainer/train_loop.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <sstream>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_files.h"
#include "tests/trainer/tiny_world.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/verify_checkpoint.h"

namespace voxlift::trainer {
namespace {

// 20 samples in steps of 8: 3 steps an epoch, the last one short, 6 in all.
class TrainLoopTest : public testing::Test {
 protected:
  std::string end_state(const TrainConfig& config) const {
    return world_.state_after(config, 6);
  }

  test::TinyWorld world_;
  RealFiles files_;
};

TEST_F(TrainLoopTest, EndsInTheSameBitsOnOneTwoAndFourRanks) {
  const TrainConfig one = world_.config("one");
  const TrainOutcome outcome = world_.train(one);
  EXPECT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.steps, 6);
  EXPECT_EQ(outcome.scores["cases"], 8);
  for (const int ranks : {2, 4}) {
    const TrainConfig other = world_.config("ranks" + std::to_string(ranks));
    const TrainOutcome same = world_.train(other, ranks);
    EXPECT_EQ(end_state(one), end_state(other)) << ranks;
    EXPECT_EQ(outcome.scores, same.scores) << ranks;
  }
}

TEST_F(TrainLoopTest, ResumesToTheSameBitsFromEveryStepAndWorldSize) {
  const TrainConfig whole = world_.config("whole");
  world_.train(whole);
  for (int64_t stop = 1; stop <= 5; ++stop) {
    const TrainConfig parts = world_.config("stop" + std::to_string(stop));
    const TrainOutcome first = world_.train_with(parts, 2, files_, stop);
    EXPECT_FALSE(first.finished);
    EXPECT_EQ(first.steps, stop);
    EXPECT_TRUE(world_.train(parts, stop % 2 == 0 ? 4 : 1).finished);
    EXPECT_EQ(end_state(whole), end_state(parts)) << "stopped after " << stop;
  }
}

TEST_F(TrainLoopTest, BeginsNoStepThatTheAllocationHasNoTimeFor) {
  const TrainConfig whole = world_.config("whole");
  world_.train(whole);
  TrainConfig parts = world_.config("parts");
  parts.run.end_margin_s = 3.0;
  const double now_s = RealClock().now_s();
  const TrainOutcome none = world_.train_until(parts, 2, now_s + 2.0);
  EXPECT_FALSE(none.finished);
  EXPECT_EQ(none.steps, 0);
  EXPECT_TRUE(world_.train_until(parts, 2, now_s + 1000.0).finished);
  EXPECT_EQ(end_state(whole), end_state(parts));
}

TEST_F(TrainLoopTest, ResumesWithDropoutAndGroupNorm) {
  TrainConfig whole = world_.config("whole");
  whole.model.dropout = 0.5;
  whole.model.resnet.norm = {.kind = "gn", .groups = 2};
  TrainConfig parts = whole;
  parts.run.out = world_.file("parts");
  world_.train(whole);
  world_.train_with(parts, 1, files_, 4);
  world_.train(parts);
  EXPECT_EQ(end_state(whole), end_state(parts));
}

TEST_F(TrainLoopTest, FastReductionResumesToTheSameBits) {
  TrainConfig whole = world_.config("whole");
  whole.reduce.reduction = "fast";
  TrainConfig parts = whole;
  parts.run.out = world_.file("parts");
  world_.train(whole, 2);
  world_.train_with(parts, 2, files_, 4);
  world_.train(parts, 2);
  EXPECT_EQ(end_state(whole), end_state(parts));
}

TEST_F(TrainLoopTest, TracesTheFirstSteps) {
  TrainConfig config = world_.config("out");
  config.run.trace = world_.file("trace.json");
  world_.train(config, 2);
  const Json trace =
      parse_json(as_text(files_.read(config.run.trace)), "trace");
  std::map<std::string, int> names;
  for (const Json& event : trace["traceEvents"]) {
    ++names[event["name"].get<std::string>()];
  }
  EXPECT_EQ(names["forward"], 5 * 2);  // 5 steps, 2 slots of rank 0.
  EXPECT_EQ(names["backward"], 5 * 2);
  EXPECT_EQ(names["wait for sums"], 5);
  EXPECT_EQ(names["update"], 5);
  EXPECT_GT(names.size(), 5U);  // Sums of buckets.
}

TEST_F(TrainLoopTest, AFinishedRunIsNotRunAgain) {
  const TrainConfig config = world_.config("out");
  const TrainOutcome first = world_.train(config);
  const TrainOutcome again = world_.train(config);
  EXPECT_TRUE(again.finished);
  EXPECT_EQ(again.scores, first.scores);
}

TEST_F(TrainLoopTest, AFinishedRunGoesOnWhereMoreEpochsAreWanted) {
  TrainConfig config = world_.config("out");
  config.schedule.kind = "constant";
  TrainConfig whole = config;
  whole.run.out = world_.file("whole");
  whole.run.epochs = 3;
  world_.train(whole);
  world_.train(config);
  config.run.epochs = 3;
  EXPECT_EQ(world_.train(config).steps, 9);
  EXPECT_EQ(world_.state_after(config, 9), world_.state_after(whole, 9));
}

TEST_F(TrainLoopTest, FallsBackFromADamagedCheckpoint) {
  const TrainConfig whole = world_.config("whole");
  world_.train(whole);
  const TrainConfig config = world_.config("damaged");
  world_.train_with(config, 1, files_, 5);
  CheckpointStore store(files_, join_path(config.run.out, "checkpoints"), 9);
  const std::string path = join_path(store.path_of(5), "optimizer.safetensors");
  std::string content = test::read_text(path);
  content.back() = static_cast<char>(content.back() ^ 1);
  const std::array pieces = {as_bytes(content)};
  files_.write_durable(path, pieces);
  EXPECT_TRUE(world_.train(config).finished);
  EXPECT_EQ(end_state(whole), end_state(config));
}

TEST_F(TrainLoopTest, RanksShareTheBytesAndAnyNumberOfThemResumes) {
  TrainConfig whole = world_.config("whole");
  whole.checkpoint.align_kb = 1;
  world_.train(whole, 4);
  TrainConfig parts = whole;
  parts.run.out = world_.file("parts");
  world_.train_with(parts, 4, files_, 3);
  CheckpointStore store(files_, join_path(parts.run.out, "checkpoints"), 9);
  EXPECT_GT(read_manifest(files_, store.path_of(3)).files[0].pieces.size(), 1U);
  world_.train(parts, 2);
  EXPECT_EQ(end_state(whole), end_state(parts));
  EXPECT_EQ(verify_run(parts.run.out, files_), std::vector<std::string>{});
}

TEST_F(TrainLoopTest, ADiskThatStaysFullEndsTheRunAfterThreeFailures) {
  test::FaultyFiles full({.cut_at_byte = 20'000});
  // Steps 2, 3 (before an evaluation) and 4.
  test::expect_error<IoError>(
      [&] { world_.train_with(world_.config("full"), 1, full); },
      {"checkpoint of step 4 not written", "No space left"});
}

TEST_F(TrainLoopTest, ADiskThatIsFullForAWhileLosesNothing) {
  const TrainConfig whole = world_.config("whole");
  world_.train(whole);
  const TrainConfig config = world_.config("full");
  test::FaultyFiles full({.fail_operation = 5});
  EXPECT_TRUE(world_.train_with(config, 1, full).finished);
  EXPECT_TRUE(full.faulted());
  EXPECT_EQ(end_state(whole), end_state(config));
  EXPECT_FALSE(
      files_.exists(join_path(config.run.out, "checkpoints/step_00000002")));
}

TEST_F(TrainLoopTest, TheLastCheckpointIsTriedTwiceAndThenAnError) {
  TrainConfig config = world_.config("full");
  config.checkpoint.max_failures = 100;
  test::FaultyFiles full({.cut_at_byte = 20'000});
  test::expect_error<IoError>(
      [&] { world_.train_with(config, 1, full); },
      {"checkpoint of step 6 not written", "No space left"});
}

TEST_F(TrainLoopTest, KeepsTheBestCheckpointsBesideTheNewest) {
  TrainConfig config = world_.config("best");
  config.run.epochs = 4;
  config.checkpoint.keep = 1;
  config.checkpoint.keep_best = 2;
  config.checkpoint.metric = "loss";
  world_.train(config, 2);
  const Json best = parse_json(
      test::read_text(join_path(config.run.out, "best.json")), "best.json");
  EXPECT_EQ(best["better"], "smaller");
  ASSERT_EQ(best["best"].size(), 2U);
  EXPECT_LE(best["best"][0]["value"], best["best"][1]["value"]);
  EXPECT_EQ(verify_run(config.run.out, files_), std::vector<std::string>{});
  const CheckpointStore store(files_, join_path(config.run.out, "checkpoints"),
                              9);
  EXPECT_LE(store.steps().size(), 3U);
}

TEST_F(TrainLoopTest, NamesTheMetricsWhereTheWantedOneIsMissing) {
  TrainConfig config = world_.config("out");
  config.checkpoint.keep_best = 1;
  config.checkpoint.metric = "dice";
  test::expect_error<ConfigError>([&] { world_.train(config); },
                                  {"checkpoint.metric = 'dice'", "top1"});
}

TEST_F(TrainLoopTest, SavesByTheClock) {
  TrainConfig config = world_.config("out");
  config.checkpoint.every_steps = 0;
  config.checkpoint.every_minutes = 1e-9;
  config.checkpoint.keep = 10;
  world_.train(config, 2);
  const CheckpointStore store(files_, join_path(config.run.out, "checkpoints"),
                              9);
  EXPECT_EQ(store.steps().size(), 6U);
}

TEST_F(TrainLoopTest, LogsWhatACheckpointCosts) {
  const TrainConfig config = world_.config("log");
  world_.train(config);
  std::vector<int64_t> steps;
  std::istringstream log(
      test::read_text(join_path(config.run.out, "log.jsonl")));
  for (std::string line; std::getline(log, line);) {
    const Json json = parse_json(line, "log");
    if (json["type"] == "checkpoint") {
      steps.push_back(json["step"].get<int64_t>());
      EXPECT_GT(json["bytes"], 0);
      EXPECT_LE(json["stall_s"], json["wall_s"].get<double>() + 0.1);
    }
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{2, 3, 4, 6}));
}

TEST_F(TrainLoopTest, RefusesAWorldSizeThatDoesNotDivideTheSlots) {
  test::expect_error<ConfigError>(
      [&] { world_.train(world_.config("out"), 3); }, {"3", "4", "slots"});
}

TEST_F(TrainLoopTest, RefusesTheCheckpointOfAnotherRun) {
  TrainConfig config = world_.config("out");
  world_.train_with(config, 1, files_, 2);
  config.run.seed = 6;
  test::expect_error<ConfigError>([&] { world_.train(config); },
                                  {"step_00000002", "seed = 5", "has 6"});
}

TEST_F(TrainLoopTest, RefusesTheResultOfAnotherRun) {
  TrainConfig config = world_.config("out");
  world_.train(config);
  config.run.seed = 6;
  test::expect_error<ConfigError>([&] { world_.train(config); },
                                  {"result.json", "seed = 5", "has 6"});
}

TEST_F(TrainLoopTest, RefusesToEndBeforeItsCheckpoint) {
  TrainConfig config = world_.config("out");
  world_.train_with(config, 1, files_, 4);
  config.run.max_steps = 3;
  test::expect_error<ConfigError>(
      [&] { world_.train(config); },
      {"step_00000004", "stands at step 4", "ends at step 3"});
}

// 12 scans in steps of 10: the last step has one sample in each of two slots,
// and the last stage one voxel.
TEST(SmallScansTest, OneSampleOfOneVoxelLeavesTheNetworkFinite) {
  test::TinyWorld scans(3, true);  // 12 scans.
  TrainConfig config = scans.config("out");
  config.model.resnet.depth_stride = true;
  config.batch = {.slots = 2, .slot_batch = 5};
  const TrainOutcome outcome = scans.train(config);
  EXPECT_TRUE(outcome.scores["loss"].is_number()) << outcome.scores;
}

TEST_F(TrainLoopTest, RefusesInitialWeightsOfAnotherNetwork) {
  TrainConfig narrow = world_.config("narrow");
  world_.train(narrow);
  TrainConfig wide = world_.config("wide");
  wide.model.resnet.base_channels = 8;
  wide.init.weights = join_path(narrow.run.out, "checkpoints/step_00000006");
  test::expect_error<ConfigError>([&] { world_.train(wide); },
                                  {"init.weights", "tensors match"});
}

TEST_F(TrainLoopTest, NamesALossThatIsNotFinite) {
  TrainConfig config = world_.config("nan");
  config.schedule.lr = 1e30;
  config.schedule.kind = "constant";
  config.run.max_nonfinite = 1;
  test::expect_error<ConfigError>(
      [&] { world_.train(config); },
      {"the loss of step", "not finite", "schedule.lr"});
}

TEST_F(TrainLoopTest, LogsEveryStepOnceWithAllSamples) {
  const TrainConfig config = world_.config("log");
  world_.train(config, 2);
  int64_t steps = 0;
  int64_t samples = 0;
  std::istringstream log(
      test::read_text(join_path(config.run.out, "log.jsonl")));
  for (std::string line; std::getline(log, line);) {
    const Json json = parse_json(line, "log");
    if (json["type"] == "step") {
      EXPECT_EQ(json["step"], steps++);
      samples += json["samples"].get<int64_t>();
    }
  }
  EXPECT_EQ(steps, 6);
  EXPECT_EQ(samples, 40);
}

TEST(FineTuneTest, TakesAPhotographBackboneToScans) {
  test::TinyWorld photos;
  TrainConfig pretrain = photos.config("pretrain");
  pretrain.run.epochs = 1;
  photos.train(pretrain);
  test::TinyWorld scans(3, true);
  TrainConfig config = scans.config("finetune");
  config.run.epochs = 1;
  config.model.resnet.depth_stride = true;
  config.init.weights =
      join_path(pretrain.run.out, "checkpoints/step_00000003");
  const TrainOutcome outcome = scans.train(config, 2);
  EXPECT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.scores["cases"], 8);
}

}  // namespace
}  // namespace voxlift::trainer
