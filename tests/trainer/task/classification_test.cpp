#include "trainer/task/classification.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

Classifier tiny_model(int64_t classes) {
  ModelConfig config;
  config.classes = classes;
  config.resnet.stem_channels = 4;
  config.resnet.base_channels = 4;
  Classifier model(config);
  initialize(*model, 3);
  return model;
}

// Random volumes of 3 slices with these labels.
Batch batch_of(const torch::Tensor& label_N) {
  Batch batch;
  batch.x_NCDHW = torch::randn({label_N.size(0), 1, 3, 32, 32});
  batch.label_N = label_N;
  return batch;
}

TEST(ClassificationTest, SmoothedLossFollowsTheFormula) {
  constexpr int64_t kClasses = 6;
  constexpr double kSmoothing = 0.1;
  Classifier model = tiny_model(kClasses);
  Classification task(model, {.label_smoothing = kSmoothing});
  model->eval();  // Same logits twice.
  const Batch batch = batch_of(torch::tensor({0, 5, 2, 2}));
  std::vector<double> sums(3);
  const double loss = task.loss(batch, sums).item<double>();
  const torch::Tensor log_p =
      torch::log_softmax(model->forward(batch.x_NCDHW), 1);
  double expected = 0.0;
  for (int64_t n = 0; n < 4; ++n) {
    for (int64_t k = 0; k < kClasses; ++k) {
      const double target =
          kSmoothing / kClasses +
          (batch.label_N[n].item<int64_t>() == k ? 1.0 - kSmoothing : 0.0);
      expected -= target * log_p[n][k].item<double>();
    }
  }
  EXPECT_NEAR(loss, expected, 1e-4);
  EXPECT_DOUBLE_EQ(sums[0], loss);
}

// Label, loss, rank, prediction.
TEST(ClassificationTest, SummarizesRowsIntoScores) {
  const Classification task(tiny_model(7), {});
  const Json scores = task.summarize(
      {{0, 1.0, 0, 0}, {0, 2.0, 4, 1}, {6, 3.0, 5, 0}, {6, 2.0, 0, 6}});
  EXPECT_EQ(scores["cases"], 4);
  EXPECT_DOUBLE_EQ(scores["loss"], 2.0);
  EXPECT_DOUBLE_EQ(scores["top1"], 0.5);
  EXPECT_DOUBLE_EQ(scores["top5"], 0.75);
  EXPECT_DOUBLE_EQ(scores["mean_recall"], 0.5);
  EXPECT_EQ(scores["confusion"][0][1], 1);
}

TEST(ClassificationTest, TiesCountAgainstTheLaterClass) {
  Classifier model = tiny_model(3);
  {
    const torch::NoGradGuard no_grad;
    model->named_parameters()["head.fc.weight"].zero_();
  }
  model->eval();
  Classification task(model, {});
  CaseRows rows;
  const torch::NoGradGuard no_grad;
  task.evaluate(batch_of(torch::tensor({0, 1, 2})), &rows);
  EXPECT_EQ(rows[0][2], 0.0);
  EXPECT_EQ(rows[1][2], 1.0);
  EXPECT_EQ(rows[2][2], 2.0);
}

TEST(ClassificationTest, ALabelWithoutAScoreIsNeverRight) {
  Classifier model = tiny_model(3);
  {
    const torch::NoGradGuard no_grad;
    model->named_parameters()["head.fc.bias"].fill_(std::nan(""));
  }
  model->eval();
  Classification task(model, {});
  CaseRows rows;
  const torch::NoGradGuard no_grad;
  task.evaluate(batch_of(torch::tensor({0})), &rows);
  EXPECT_EQ(rows[0][2], 3.0);
  EXPECT_EQ(task.summarize(rows)["top1"], 0.0);
}

// Label, loss, rank, prediction, probability of class 1.
TEST(ClassificationTest, TellsTheAreaUnderTheCurveOfTwoClasses) {
  const Classification task(tiny_model(2), {.threshold = 0.3});
  const Json scores = task.summarize({{0, 1.0, 0, 0, 0.1},
                                      {0, 1.0, 0, 0, 0.4},
                                      {1, 1.0, 1, 0, 0.35},
                                      {1, 1.0, 0, 1, 0.8}});
  EXPECT_DOUBLE_EQ(scores["auc"], 0.75);
  EXPECT_DOUBLE_EQ(scores["threshold"], 0.3);
  EXPECT_DOUBLE_EQ(scores["sensitivity"], 1.0);
  EXPECT_DOUBLE_EQ(scores["specificity"], 0.5);
  EXPECT_EQ(scores["auc_interval"].size(), 2U);
  const Json one_class = task.summarize({{1, 1.0, 0, 1, 0.8}});
  EXPECT_TRUE(one_class["auc"].is_null());
  EXPECT_TRUE(one_class["specificity"].is_null());
}

TEST(ClassificationTest, RefusesASmoothingOfOne) {
  test::expect_error<ConfigError>(
      [] { ClassificationConfig{.label_smoothing = 1.0}.validate("loss."); },
      {"loss.label_smoothing = 1", "[0, 1)"});
  test::expect_error<ConfigError>(
      [] { ClassificationConfig{.threshold = 1.5}.validate("loss."); },
      {"loss.threshold = 1.5", "[0, 1]"});
}

}  // namespace
}  // namespace voxlift::trainer
