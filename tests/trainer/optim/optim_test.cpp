#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/optim/schedule.h"
#include "trainer/optim/sgd.h"

namespace voxlift::trainer {
namespace {

TEST(SgdTest, RefusesTheStateOfAnotherNetwork) {
  const torch::Tensor w = torch::ones({3}).set_requires_grad(true);
  Sgd sgd({{"w", w}}, {});
  test::expect_error<DataError>(
      [&] {
        sgd.load_state({{"v", torch::ones({3})}}, "o.safetensors");
      },
      {"o.safetensors", "'v' (3)", "'w' (3)"});
  test::expect_error<DataError>([&] { sgd.load_state({}, "o"); },
                                {"0 tensors", "the optimizer 1"});
}

// The published values of the 100-epoch cosine.
TEST(ScheduleTest, FollowsThePublishedCosine) {
  const ScheduleConfig config;
  const auto rate = [&](int64_t epoch, int64_t step = 0) {
    return learning_rate(config, {.epoch = epoch,
                                  .step_in_epoch = step,
                                  .steps_per_epoch = 10,
                                  .num_epochs = 100});
  };
  EXPECT_DOUBLE_EQ(rate(0), 0.1);
  EXPECT_NEAR(rate(25), 0.0853553, 1e-7);
  EXPECT_NEAR(rate(50), 0.05, 1e-15);
  EXPECT_NEAR(rate(75), 0.0146447, 1e-7);
  EXPECT_NEAR(rate(99), 0.0000247, 1e-7);
  EXPECT_DOUBLE_EQ(rate(25, 9), rate(25));  // Constant within an epoch.
}

TEST(ScheduleTest, WarmsUpLinearlyAndStepsDown) {
  const ScheduleConfig config = {.lr = 1.0,
                                 .kind = "step",
                                 .milestones = {2, 4},
                                 .gamma = 0.1,
                                 .warmup_steps = 4,
                                 .warmup_factor = 0.2};
  const auto rate = [&](int64_t step) {
    return learning_rate(config, {.epoch = step / 10,
                                  .step_in_epoch = step % 10,
                                  .steps_per_epoch = 10,
                                  .num_epochs = 5});
  };
  EXPECT_DOUBLE_EQ(rate(0), 0.2);
  EXPECT_DOUBLE_EQ(rate(2), 0.6);
  EXPECT_DOUBLE_EQ(rate(4), 1.0);
  EXPECT_DOUBLE_EQ(rate(19), 1.0);
  EXPECT_DOUBLE_EQ(rate(20), 0.1);
  EXPECT_NEAR(rate(40), 0.01, 1e-15);
}

// The published form: 0.1 per 256 samples, from the base rate to the full one.
TEST(ScheduleTest, ScalesTheRateWithTheBatch) {
  ScheduleConfig config = {.lr = 0.1,
                           .base_batch = 256,
                           .kind = "constant",
                           .warmup_epochs = 5.0,
                           .warmup_factor = 1.0 / 32};
  const auto rate = [&](int64_t step) {
    return learning_rate(config, {.epoch = step / 10,
                                  .step_in_epoch = step % 10,
                                  .steps_per_epoch = 10,
                                  .num_epochs = 90,
                                  .global_batch = 8192});
  };
  EXPECT_NEAR(rate(0), 0.1, 1e-15);
  EXPECT_NEAR(rate(25), 0.5 * (0.1 + 3.2), 1e-15);
  EXPECT_NEAR(rate(50), 3.2, 1e-15);
}

TEST(ScheduleTest, PolyFallsFromTheEndOfTheWarmUp) {
  const ScheduleConfig config = {.lr = 1.0,
                                 .kind = "poly",
                                 .unit = "step",
                                 .min_lr = 0.1,
                                 .power = 2.0,
                                 .warmup_steps = 10,
                                 .warmup_factor = 0.0};
  const auto rate = [&](int64_t step) {
    return learning_rate(config, {.epoch = step / 10,
                                  .step_in_epoch = step % 10,
                                  .steps_per_epoch = 10,
                                  .num_epochs = 5});
  };
  EXPECT_DOUBLE_EQ(rate(0), 0.0);
  EXPECT_DOUBLE_EQ(rate(5), 0.5);
  EXPECT_DOUBLE_EQ(rate(10), 1.0);
  EXPECT_DOUBLE_EQ(rate(30), 0.1 + 0.9 * 0.25);
  EXPECT_NEAR(rate(49), 0.1 + 0.9 / 1600, 1e-15);
}

TEST(ScheduleTest, NamesFieldAndRange) {
  const auto expect = [](const ScheduleConfig& config,
                         std::initializer_list<std::string> words) {
    test::expect_error<ConfigError>([&] { config.validate("schedule."); },
                                    words);
  };
  expect({.base_batch = -1}, {"schedule.base_batch = -1"});
  expect({.power = 0.0}, {"schedule.power = 0", "more than 0"});
  expect({.warmup_epochs = -1.0}, {"schedule.warmup_epochs = -1"});
  expect({.warmup_steps = 1, .warmup_epochs = 1.0}, {"not both"});
  test::expect_error<ConfigError>(
      [] { ScheduleConfig{.lr = -1.0}.validate("schedule."); },
      {"schedule.lr = -1", "more than 0"});
  test::expect_error<ConfigError>(
      [] { ScheduleConfig{.kind = "cosin"}.validate("schedule."); },
      {"schedule.kind = 'cosin'", "'cosine'"});
  test::expect_error<ConfigError>(
      [] { SgdConfig{.momentum = 1.0}.validate("sgd."); },
      {"sgd.momentum = 1", "[0, 1)"});
}

}  // namespace
}  // namespace voxlift::trainer
