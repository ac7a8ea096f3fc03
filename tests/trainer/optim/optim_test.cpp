#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/optim/schedule.h"
#include "trainer/optim/sgd.h"

namespace voxlift::trainer {
namespace {

// Against LibTorch's own.
TEST(SgdTest, AgreesWithTorchOverSomeSteps) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  torch::Tensor ours =
      torch::linspace(-1, 1, 7, options).set_requires_grad(true);
  torch::Tensor theirs = ours.detach().clone().set_requires_grad(true);
  Sgd sgd({{"w", ours}}, {.momentum = 0.9, .weight_decay = 0.01});
  torch::optim::SGD reference(
      {theirs}, torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.01));
  for (int step = 0; step < 5; ++step) {
    for (torch::Tensor* w : {&ours, &theirs}) {
      w->mutable_grad().reset();
      (w->sin() * (step + 1)).sum().backward();
    }
    sgd.step(0.1);
    reference.step();
  }
  EXPECT_TRUE(torch::allclose(ours, theirs, 1e-14, 1e-14));
}

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

TEST(ScheduleTest, NamesFieldAndRange) {
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
