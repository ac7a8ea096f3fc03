#include "launcher/plan/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

PlanInputs round_numbers() {
  PlanInputs inputs;
  inputs.step_s = 1.0;
  inputs.backward_share = 0.5;
  inputs.gradient_bytes = 8e9;
  inputs.bucket_bytes = 1e9;
  inputs.slot_batch = 10;
  inputs.samples = 1001;
  inputs.epochs = 2;
  inputs.ranks_per_node = 4;
  inputs.local_latency_s = 0.001;
  inputs.local_bytes_s = 100e9;
  inputs.node_latency_s = 0.01;
  inputs.node_bytes_s = 10e9;
  inputs.checkpoint_stall_s = 0.5;
  inputs.checkpoint_bytes_s = 1e9;
  inputs.node_mtbf_h = 1.0;
  inputs.restart_s = 10.0;
  return inputs;
}

TEST(AllReduceTest, OneRankPaysNothing) {
  EXPECT_EQ(all_reduce_s(round_numbers(), 1, 8e9), 0.0);
}

TEST(AllReduceTest, AddsTheTreeOfTheNodeAndThatOfTheNodes) {
  // 4 ranks: 4 latencies, 1.5 times the bytes. 2 nodes: 2 latencies, 1 time.
  EXPECT_NEAR(all_reduce_s(round_numbers(), 4, 8e9), 0.004 + 0.12, 1e-12);
  EXPECT_NEAR(all_reduce_s(round_numbers(), 8, 8e9), 0.004 + 0.12 + 0.02 + 0.8,
              1e-12);
}

TEST(BestIntervalTest, IsDalysValue) {
  // sqrt(2 * 50 * 10000) = 1000; share 0.0025: 1000 (1 + 0.05/3 + 0.0025/9) -
  // 50.
  EXPECT_NEAR(best_interval_s(50.0, 10000.0), 966.9444, 1e-3);
  EXPECT_EQ(best_interval_s(30.0, 10.0), 10.0);
}

TEST(BestIntervalTest, LosesLeast) {
  const double best = best_interval_s(1.0, 5000.0);
  const auto lost = [](double t) { return 1.0 / t + t / 2.0 / 5000.0; };
  EXPECT_LT(lost(best), lost(1.1 * best));
  EXPECT_LT(lost(best), lost(0.9 * best));
}

TEST(PlanRowTest, HidesCommunicationBehindBackwardButItsLastBucket) {
  const PlanRow row = plan_row(round_numbers(), 4);
  EXPECT_EQ(row.nodes, 1);
  EXPECT_EQ(row.global_batch, 40);
  EXPECT_NEAR(row.comm_s, 0.124, 1e-12);
  EXPECT_NEAR(row.exposed_s, 0.004 + 0.015, 1e-12);
  EXPECT_NEAR(row.step_s, 1.019, 1e-12);
  EXPECT_NEAR(row.efficiency, 1.0 / 1.019, 1e-12);
  EXPECT_NEAR(row.epoch_s, 26 * 1.019, 1e-9);
}

TEST(PlanRowTest, ShowsWhatBackwardCannotHide) {
  const PlanRow row = plan_row(round_numbers(), 8);
  EXPECT_NEAR(row.exposed_s, 0.944 - 0.5, 1e-12);
}

TEST(PlanRowTest, CountsCheckpointsAndLostWork) {
  const PlanRow row = plan_row(round_numbers(), 8);
  EXPECT_NEAR(row.job_mtbf_s, 1800.0, 1e-9);
  const double every = best_interval_s(0.5, 1800.0);
  EXPECT_NEAR(row.checkpoint_every_s, every, 1e-9);
  EXPECT_NEAR(row.checkpoint_share, 0.5 / every, 1e-12);
  // Half an interval, 16 GB at 1 GB/s not yet written, the restart.
  EXPECT_NEAR(row.lost_share, (every / 2.0 + 16.0 + 10.0) / 1800.0, 1e-12);
  EXPECT_NEAR(
      row.run_h,
      2 * row.epoch_s * (1.0 + row.checkpoint_share + row.lost_share) / 3600.0,
      1e-12);
}

TEST(PlanRowTest, BeginsNoCheckpointBeforeTheLastIsWritten) {
  PlanInputs inputs = round_numbers();
  inputs.checkpoint_bytes = 500e9;
  EXPECT_NEAR(plan_row(inputs, 8).checkpoint_every_s, 500.0, 1e-9);
}

TEST(PlanInputsTest, NamesTheBadOption) {
  PlanInputs inputs = round_numbers();
  inputs.step_s = 0.0;
  test::expect_error<ConfigError>([&] { inputs.validate(); }, {"step-s = 0"});
  inputs = round_numbers();
  inputs.restart_s = -1.0;
  test::expect_error<ConfigError>([&] { inputs.validate(); },
                                  {"restart-s = -1"});
  inputs = round_numbers();
  inputs.backward_share = 1.0;
  test::expect_error<ConfigError>([&] { inputs.validate(); },
                                  {"backward-share = 1"});
}

}  // namespace
}  // namespace voxlift::launcher
