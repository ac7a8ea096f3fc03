#include "trainer/train_step.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::trainer {
namespace {

// loss = sum over samples of sqrt(w x): at w = 0 the loss is finite, its
// gradient is not.
class RootTask : public Task {
 public:
  RootTask() { w_ = net_->register_parameter("w", torch::ones({1})); }

  torch::nn::Module& model() override { return *net_; }

  torch::Tensor& w() { return w_; }

  std::vector<std::string> sum_names() const override { return {"loss"}; }

  torch::Tensor loss(const Batch& batch, std::span<double> sums) override {
    const torch::Tensor loss = (w_ * batch.x_NCDHW).sqrt().sum();
    sums[0] += loss.item<double>();
    return loss;
  }

  Json summarize(const CaseRows& /*rows*/) const override { return {}; }

 private:
  std::shared_ptr<torch::nn::Module> net_ =
      std::make_shared<torch::nn::Module>();
  torch::Tensor w_;
};

class TrainStepTest : public testing::Test {
 protected:
  TrainStepTest() {
    config_.optimizer.sgd = {.momentum = 0.0, .weight_decay = 0.0};
    config_.ema.decay = 0.5;
  }

  void build() { step_.emplace(config_, context_, slots_, task_); }

  void set_w(float value) {
    const torch::NoGradGuard no_grad;
    task_.w().fill_(value);
  }

  StepTotals run(float x) {
    return step_->run({.step = 3, .num_samples = 1, .lr = 0.5}, [&](int64_t) {
      Batch batch;
      batch.x_NCDHW = torch::full({1}, x);
      batch.label_N = torch::zeros({1}, torch::kInt64);
      return batch;
    });
  }

  float w() { return task_.w().item<float>(); }

  float mean() { return step_->state().back().second.item<float>(); }

  RootTask task_;
  TrainConfig config_;
  sharding::SlotRange slots_ = {0, 1};
  SelfComm comm_;
  RealFiles files_;
  RealClock clock_;
  TrainContext context_ = {.control = comm_,
                           .data = comm_,
                           .device = torch::kCPU,
                           .files = files_,
                           .clock = clock_,
                           .stop_requested = [] { return false; },
                           .resolved_config = Json::object(),
                           .configuration_file = ""};
  std::optional<TrainStep> step_;
};

TEST_F(TrainStepTest, TakesAStep) {
  build();
  const StepTotals totals = run(1.0F);  // d sqrt(w) / dw = 1 / 2 at w = 1.
  EXPECT_EQ(totals.skipped, "");
  EXPECT_EQ(totals.grad_norm, 0.5);
  EXPECT_EQ(totals.slot_losses, std::vector<double>{1.0});
  EXPECT_EQ(w(), 0.75F);
  EXPECT_EQ(mean(), 0.875F);
}

TEST_F(TrainStepTest, ClipsTheGradientToItsNorm) {
  config_.optimizer.optim.clip_norm = 0.25;
  build();
  EXPECT_EQ(run(1.0F).grad_norm, 0.5);  // Before clipping.
  EXPECT_EQ(w(), 0.875F);
}

TEST_F(TrainStepTest, SkipsALossThatIsNotFinite) {
  build();
  EXPECT_EQ(run(std::numeric_limits<float>::quiet_NaN()).skipped, "loss");
  EXPECT_EQ(w(), 1.0F);
  EXPECT_EQ(mean(), 1.0F);
}

TEST_F(TrainStepTest, SkipsAGradientThatIsNotFinite) {
  build();
  set_w(0.0F);
  const StepTotals totals = run(1.0F);
  EXPECT_EQ(totals.skipped, "gradient");
  EXPECT_EQ(totals.sums.front(), 0.0);
  EXPECT_EQ(w(), 0.0F);
}

TEST_F(TrainStepTest, ADynamicScaleIsLoweredUntilItCannotBe) {
  config_.run.loss_scale = "dynamic";
  build();
  EXPECT_EQ(run(1.0F).loss_scale, 65536.0);
  EXPECT_EQ(w(), 0.75F);  // Scaled up and down again.
  set_w(0.0F);
  for (double scale = 65536.0; scale > 1.0; scale /= 2.0) {
    const StepTotals totals = run(1.0F);
    EXPECT_EQ(totals.skipped, kLoweredScale);
    EXPECT_EQ(totals.loss_scale, scale);
  }
  EXPECT_EQ(run(1.0F).skipped, "gradient");
  EXPECT_EQ(w(), 0.0F);
}

}  // namespace
}  // namespace voxlift::trainer
