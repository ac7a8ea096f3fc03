#include "trainer/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/loss_scale.h"
#include "trainer/optim/norm2.h"

namespace voxlift::trainer {
namespace {

constexpr double kLr = 0.1;

torch::Tensor start(std::vector<int64_t> shape) {
  const int64_t n = std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                    std::multiplies<>());
  return torch::linspace(-1, 1, n, torch::kFloat64)
      .view(shape)
      .set_requires_grad(true);
}

// A matrix and a vector, trained side by side by ours and by LibTorch's own.
template <typename Reference>
void expect_agreement(const OptimizerOptions& options,
                      const typename Reference::Options& reference_options) {
  std::vector<torch::Tensor> ours = {start({2, 3}), start({3})};
  std::vector<torch::Tensor> theirs = {start({2, 3}), start({3})};
  const auto optimizer =
      make_optimizer({{"w", ours[0]}, {"b", ours[1]}}, options);
  typename Reference::Optimizer reference(theirs, reference_options);
  for (int step = 0; step < 6; ++step) {
    for (auto* weights : {&ours, &theirs}) {
      for (torch::Tensor& w : *weights) {
        w.mutable_grad().reset();
        (w.sin() * (step + 1)).sum().backward();
      }
    }
    optimizer->step(kLr);
    reference.step();
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-13, 1e-13)) << i;
  }
}

struct TorchSgd {
  using Optimizer = torch::optim::SGD;
  using Options = torch::optim::SGDOptions;
};

struct TorchAdam {
  using Optimizer = torch::optim::Adam;
  using Options = torch::optim::AdamOptions;
};

struct TorchAdamW {
  using Optimizer = torch::optim::AdamW;
  using Options = torch::optim::AdamWOptions;
};

TEST(OptimizerTest, SgdAgreesWithTorch) {
  expect_agreement<TorchSgd>(
      {.sgd = {.momentum = 0.9, .weight_decay = 0.01}},
      TorchSgd::Options(kLr).momentum(0.9).weight_decay(0.01));
}

TEST(OptimizerTest, NesterovAgreesWithTorch) {
  expect_agreement<TorchSgd>(
      {.sgd = {.momentum = 0.9, .weight_decay = 0.01, .nesterov = true}},
      TorchSgd::Options(kLr).momentum(0.9).weight_decay(0.01).nesterov(true));
}

TEST(OptimizerTest, AdamAgreesWithTorch) {
  expect_agreement<TorchAdam>(
      {.optim = {.kind = "adam"}, .adam = {.weight_decay = 0.01}},
      TorchAdam::Options(kLr).weight_decay(0.01));
}

TEST(OptimizerTest, AdamWAgreesWithTorch) {
  expect_agreement<TorchAdamW>(
      {.optim = {.kind = "adamw"}, .adam = {.weight_decay = 0.01}},
      TorchAdamW::Options(kLr).weight_decay(0.01));
}

// Algorithm 1 of the paper, in plain numbers.
TEST(OptimizerTest, LarsFollowsItsPaper) {
  const torch::Tensor w =
      torch::tensor({{3.0}, {4.0}}, torch::kFloat64).set_requires_grad(true);
  const torch::Tensor b =
      torch::tensor({2.0}, torch::kFloat64).set_requires_grad(true);
  const auto lars = make_optimizer(
      {{"w", w}, {"b", b}}, {.optim = {.kind = "lars"},
                             .sgd = {.momentum = 0.5, .weight_decay = 0.1},
                             .lars = {.trust = 0.02}});
  double w0 = 3.0;
  double w1 = 4.0;
  double v0 = 0.0;
  double v1 = 0.0;
  for (const double lr : {1.0, 0.25}) {  // The rate is inside the momentum.
    w.mutable_grad() = torch::tensor({{0.6}, {0.8}}, torch::kFloat64);
    b.mutable_grad() = torch::tensor({1.0}, torch::kFloat64);
    lars->step(lr);
    const double size = std::hypot(w0, w1);
    const double local = 0.02 * size / (1.0 + 0.1 * size);
    v0 = 0.5 * v0 + lr * local * (0.6 + 0.1 * w0);
    v1 = 0.5 * v1 + lr * local * (0.8 + 0.1 * w1);
    w0 -= v0;
    w1 -= v1;
    EXPECT_NEAR(w[0][0].item<double>(), w0, 1e-14);
    EXPECT_NEAR(w[1][0].item<double>(), w1, 1e-14);
  }
  // A bias: rate 1, no decay; 2 - 1 - (0.5 + 0.25).
  EXPECT_NEAR(b[0].item<double>(), 0.25, 1e-15);
}

TEST(OptimizerTest, LarsMovesATensorOfZeros) {
  const torch::Tensor w = torch::zeros({2, 1}).set_requires_grad(true);
  const auto lars = make_optimizer(
      {{"w", w}}, {.optim = {.kind = "lars"}, .sgd = {.momentum = 0.0}});
  w.mutable_grad() = torch::ones({2, 1});
  lars->step(0.5);
  EXPECT_EQ(w[0][0].item<double>(), -0.5);
}

TEST(OptimizerTest, DecayCanLeaveNormsAndBiasesAlone) {
  for (const char* kind : {"sgd", "adam", "adamw"}) {
    const torch::Tensor w = torch::ones({2, 2}).set_requires_grad(true);
    const torch::Tensor b = torch::ones({2}).set_requires_grad(true);
    const auto optimizer =
        make_optimizer({{"w", w}, {"b", b}},
                       {.optim = {.kind = kind, .decay_norms_biases = false},
                        .sgd = {.weight_decay = 0.1},
                        .adam = {.weight_decay = 0.1}});
    w.mutable_grad() = torch::zeros({2, 2});
    b.mutable_grad() = torch::zeros({2});
    optimizer->step(kLr);
    EXPECT_LT(w[0][0].item<float>(), 1.0F) << kind;
    EXPECT_EQ(b[0].item<float>(), 1.0F) << kind;
  }
}

TEST(OptimizerTest, GoesOnFromItsStateToTheSameBits) {
  for (const char* kind : {"sgd", "adam", "adamw", "lars"}) {
    const OptimizerOptions options = {.optim = {.kind = kind}};
    const auto steps = [&](Optimizer& optimizer, const torch::Tensor& w) {
      w.mutable_grad() = w.detach().sin();
      optimizer.step(kLr);
    };
    const torch::Tensor whole = torch::ones({2, 2}).set_requires_grad(true);
    const auto first = make_optimizer({{"w", whole}}, options);
    steps(*first, whole);
    const torch::Tensor resumed =
        whole.detach().clone().set_requires_grad(true);
    const auto second = make_optimizer({{"w", resumed}}, options);
    second->load_state(snapshot(first->state()), "here");
    steps(*first, whole);
    steps(*second, resumed);
    EXPECT_TRUE(torch::equal(whole, resumed)) << kind;
  }
}

TEST(OptimizerTest, RefusesTheStateOfAnotherKind) {
  const torch::Tensor w = torch::ones({3}).set_requires_grad(true);
  const auto sgd = make_optimizer({{"w", w}}, {});
  const auto lars = make_optimizer({{"w", w}}, {.optim = {.kind = "lars"}});
  test::expect_error<DataError>(
      [&] { sgd->load_state(lars->state(), "o.safetensors"); },
      {"o.safetensors", "'v.w' (3)", "'w' (3)"});
}

TEST(OptimizerTest, NamesOptionsThatAreWrong) {
  const auto expect = [](const OptimizerOptions& options,
                         std::initializer_list<std::string> words) {
    test::expect_error<ConfigError>([&] { options.validate(); }, words);
  };
  expect({.optim = {.kind = "adamax"}}, {"optim.kind = 'adamax'", "'lars'"});
  expect({.optim = {.clip_norm = -1}}, {"optim.clip_norm = -1", "at least 0"});
  expect({.sgd = {.momentum = 1}}, {"sgd.momentum = 1", "[0, 1)"});
  expect({.sgd = {.weight_decay = -1}}, {"sgd.weight_decay = -1"});
  expect({.sgd = {.momentum = 0, .nesterov = true}}, {"sgd.nesterov needs"});
  expect({.optim = {.kind = "lars"}, .sgd = {.nesterov = true}},
         {"sgd.nesterov", "not 'lars'"});
  expect({.adam = {.beta1 = 1}}, {"adam.beta1 = 1"});
  expect({.adam = {.beta2 = -0.5}}, {"adam.beta2 = -0.5"});
  expect({.adam = {.epsilon = 0}}, {"adam.epsilon = 0", "more than 0"});
  expect({.adam = {.weight_decay = -1}}, {"adam.weight_decay = -1"});
  expect({.lars = {.trust = 0}}, {"lars.trust = 0", "more than 0"});
}

TEST(Norm2Test, IsThatOfFloat64) {
  const torch::Tensor x = torch::linspace(-3, 5, 1001);
  const double expected = x.to(torch::kFloat64).square().sum().item<double>();
  EXPECT_NEAR(squared_norm(x), expected, 1e-10 * expected);
  EXPECT_NEAR(squared_norm(x.to(torch::kFloat64)), expected, 1e-10 * expected);
  EXPECT_TRUE(std::isfinite(squared_norm(torch::full({7}, 3e38))));
}

TEST(Norm2Test, SeesEveryValueThatIsNotFinite) {
  for (const int64_t at : {0, 15, 16, 36}) {
    for (const float value : {std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
      torch::Tensor x = torch::zeros({37});
      x[at] = value;
      EXPECT_FALSE(std::isfinite(squared_norm(x))) << at;
    }
  }
}

TEST(Norm2Test, SpansAllParameters) {
  std::vector<torch::Tensor> parameters = {torch::zeros({1}),
                                           torch::zeros({1})};
  parameters[0].mutable_grad() = torch::full({1}, 3.0F);
  parameters[1].mutable_grad() = torch::full({1}, 4.0F);
  EXPECT_EQ(gradient_norm(parameters), 5.0);
  scale_gradients(parameters, 0.5);
  EXPECT_EQ(gradient_norm(parameters), 2.5);
}

TEST(EmaTest, FollowsWeightsAndIsSwappedIn) {
  torch::nn::BatchNorm1d net(1);
  Ema ema(*net, 0.75);
  {
    const torch::NoGradGuard no_grad;
    net->weight.fill_(5.0);
  }
  ema.update();  // 0.75 * 1 + 0.25 * 5.
  {
    const EmaWeights mean(ema);
    EXPECT_EQ(net->weight.item<float>(), 2.0F);
  }
  EXPECT_EQ(net->weight.item<float>(), 5.0F);
  EXPECT_EQ(ema.state().front().first, "ema.weight");
  ema.restart();
  EXPECT_EQ(ema.state().front().second.item<float>(), 5.0F);
  // Parameters and statistics; the count of batches is no float.
  EXPECT_EQ(ema.state().size(), 4U);
}

TEST(EmaTest, NamesItsRange) {
  test::expect_error<ConfigError>(
      [] { EmaConfig{.decay = 1.0}.validate("ema."); },
      {"ema.decay = 1", "[0, 1)"});
}

TEST(LossScaleTest, DynamicOneHalvesAndDoubles) {
  LossScale scale("dynamic", "k");
  EXPECT_EQ(scale.value(), 65536.0);
  EXPECT_TRUE(scale.lower());
  EXPECT_EQ(scale.value(), 32768.0);
  for (int i = 0; i < 2000; ++i) {
    scale.took_step();
  }
  EXPECT_EQ(scale.value(), 65536.0);
  EXPECT_EQ(scale.good_steps(), 0);
  scale.restore(1.0, 5);
  EXPECT_FALSE(scale.lower());  // No lower one would help.
}

TEST(LossScaleTest, StaticOneStays) {
  LossScale scale("512", "k");
  EXPECT_FALSE(scale.lower());
  scale.took_step();
  scale.restore(4.0, 1);
  EXPECT_EQ(scale.value(), 512.0);
  EXPECT_EQ(LossScale("none", "k").value(), 1.0);
}

TEST(LossScaleTest, RefusesWhatIsNoPowerOfTwo) {
  for (const char* text : {"500", "0", "-2", "much", "33554432"}) {
    test::expect_error<ConfigError>([&] { LossScale(text, "run.loss_scale"); },
                                    {"run.loss_scale = '", text, "dynamic"});
  }
}

}  // namespace
}  // namespace voxlift::trainer
