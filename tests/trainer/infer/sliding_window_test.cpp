#include "trainer/infer/sliding_window.h"

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

using dataio::Shape3;
using test::expect_error;

torch::Tensor random_image(const Shape3& shape) {
  torch::manual_seed(3);
  return torch::randn({shape[0], shape[1], shape[2]});
}

// Three classes whose scores depend on the place in the window.
torch::Tensor place_network(const torch::Tensor& x_NCDHW) {
  const torch::Tensor ramp =
      torch::arange(x_NCDHW[0].numel(), torch::kFloat32).view_as(x_NCDHW[0]);
  const torch::Tensor place = (ramp * 0.37F).sin().unsqueeze(0);
  return torch::cat({x_NCDHW * place, x_NCDHW.cumsum(4), place + x_NCDHW}, 1);
}

torch::Tensor pointwise_network(const torch::Tensor& x_NCDHW) {
  return torch::cat({x_NCDHW, 2 * x_NCDHW}, 1);
}

torch::Tensor slide(const torch::Tensor& image_DHW,
                    const WindowNetwork& network,
                    const SlidingWindowConfig& config, Communicator& comm,
                    std::vector<int64_t>* planes = nullptr) {
  const WindowVolume volume = {
      {image_DHW.size(0), image_DHW.size(1), image_DHW.size(2)},
      read_tensor(image_DHW, -1.0F)};
  std::vector<torch::Tensor> scores;
  slide_window(volume, network, config, comm,
               [&](int64_t plane, const torch::Tensor& scores_KHW) {
                 scores.push_back(scores_KHW.clone());
                 if (planes != nullptr) {
                   planes->push_back(plane);
                 }
               });
  return scores.empty() ? torch::Tensor() : torch::stack(scores, 1);
}

torch::Tensor slide_alone(const torch::Tensor& image_DHW,
                          const WindowNetwork& network,
                          const SlidingWindowConfig& config) {
  SelfComm comm;
  return slide(image_DHW, network, config, comm);
}

SlidingWindowConfig config_of(const Shape3& window, const Shape3& stride,
                              const std::string& weights) {
  SlidingWindowConfig config;
  config.window = window;
  config.stride = stride;
  config.weights = weights;
  return config;
}

// The same in float64, all at once, over a padded copy of the image.
torch::Tensor slide_plainly(const torch::Tensor& image_DHW,
                            const WindowNetwork& network,
                            const SlidingWindowConfig& config) {
  constexpr int64_t kMargin = 8;
  namespace F = torch::nn::functional;
  const torch::Tensor padded = F::pad(
      image_DHW, F::PadFuncOptions(std::vector<int64_t>(6, kMargin)).value(-1));
  const WindowPlan plan(
      {image_DHW.size(0), image_DHW.size(1), image_DHW.size(2)}, config);
  torch::Tensor sum;
  torch::Tensor weight_sum = torch::zeros_like(padded, torch::kFloat64);
  const auto window = config.window;
  std::array<torch::Tensor, 3> axis;
  for (size_t i = 0; i < 3; ++i) {
    axis[i] =
        torch::tensor(axis_weights(config.weights, window[i]), torch::kFloat64);
  }
  const torch::Tensor weight =
      axis[0].view({-1, 1, 1}) * axis[1].view({-1, 1}) * axis[2].view({-1});
  for (const int64_t d : plan.starts(0)) {
    for (const int64_t h : plan.starts(1)) {
      for (const int64_t w : plan.starts(2)) {
        const auto part = [&](const torch::Tensor& x) {
          return x.narrow(-3, d + kMargin, window[0])
              .narrow(-2, h + kMargin, window[1])
              .narrow(-1, w + kMargin, window[2]);
        };
        const torch::Tensor scores =
            network(part(padded).unsqueeze(0).unsqueeze(0))[0];
        if (!sum.defined()) {
          sum = torch::zeros(
              {scores.size(0), padded.size(0), padded.size(1), padded.size(2)},
              torch::kFloat64);
        }
        part(sum).add_(scores.to(torch::kFloat64) * weight);
        part(weight_sum).add_(weight);
      }
    }
  }
  const torch::Tensor mean = sum / weight_sum;
  return mean.narrow(1, kMargin, image_DHW.size(0))
      .narrow(2, kMargin, image_DHW.size(1))
      .narrow(3, kMargin, image_DHW.size(2));
}

TEST(SlidingWindowTest, AgreesWithTheMeanOverAllWindows) {
  const std::vector<Shape3> shapes = {
      {17, 13, 11}, {6, 5, 4}, {3, 13, 2}, {1, 1, 1}, {20, 5, 9}};
  for (const Shape3& shape : shapes) {
    const torch::Tensor image = random_image(shape);
    for (const char* weights : {"count", "gaussian"}) {
      const auto config = config_of({6, 5, 4}, {2, 5, 3}, weights);
      const torch::Tensor got = slide_alone(image, place_network, config);
      const torch::Tensor want = slide_plainly(image, place_network, config);
      EXPECT_TRUE(torch::allclose(got.to(torch::kFloat64), want, 1e-5, 1e-5))
          << shape[0] << " " << weights;
    }
  }
}

TEST(SlidingWindowTest, AScoreOfTheVoxelAloneIsKept) {
  const torch::Tensor image = random_image({19, 14, 15});
  const torch::Tensor got =
      slide_alone(image, pointwise_network, config_of({8, 8, 8}, {}, "count"));
  EXPECT_TRUE(torch::allclose(got[0], image, 1e-6, 1e-6));
  EXPECT_TRUE(torch::allclose(got[1], 2 * image, 1e-6, 1e-6));
}

TEST(SlidingWindowTest, AnyNumberOfRanksGivesTheSameBits) {
  const torch::Tensor image = random_image({29, 9, 7});
  for (const char* weights : {"count", "gaussian"}) {
    for (const Shape3& stride : {Shape3{2, 3, 3}, Shape3{6, 5, 4}}) {
      const auto config = config_of({6, 5, 4}, stride, weights);
      const torch::Tensor alone = slide_alone(image, place_network, config);
      for (const int ranks : {2, 3, 4, 16}) {
        torch::Tensor shared = torch::full_like(alone, -7.0F);
        std::vector<int> times(29, 0);
        std::mutex mutex;
        run_thread_ranks(ranks, {}, [&](Communicator& comm) {
          std::vector<int64_t> planes;
          const torch::Tensor own =
              slide(image, place_network, config, comm, &planes);
          const std::scoped_lock lock(mutex);
          for (size_t i = 0; i < planes.size(); ++i) {
            ++times[static_cast<size_t>(planes[i])];
            shared.select(1, planes[i])
                .copy_(own.select(1, static_cast<int64_t>(i)));
            EXPECT_TRUE(i == 0 || planes[i] == planes[i - 1] + 1);
          }
        });
        EXPECT_EQ(times, std::vector<int>(29, 1));
        EXPECT_TRUE(torch::equal(shared, alone)) << ranks << weights;
      }
    }
  }
}

TEST(SlidingWindowTest, BatchesOfWindowsGiveTheSameScores) {
  const torch::Tensor image = random_image({13, 14, 15});
  auto config = config_of({6, 5, 4}, {3, 2, 2}, "gaussian");
  const torch::Tensor one = slide_alone(image, place_network, config);
  int64_t largest = 0;
  config.batch = 4;
  const torch::Tensor four = slide_alone(
      image,
      [&](const torch::Tensor& x_NCDHW) {
        largest = std::max(largest, x_NCDHW.size(0));
        return place_network(x_NCDHW);
      },
      config);
  EXPECT_EQ(largest, 4);
  EXPECT_TRUE(torch::equal(one, four));
}

TEST(SlidingWindowTest, ClosesPlanesBeforeTheLastRow) {
  const torch::Tensor image = random_image({40, 4, 4});
  int64_t calls = 0;
  std::vector<int64_t> calls_before;
  SelfComm comm;
  const WindowVolume volume = {{40, 4, 4}, read_tensor(image, 0.0F)};
  slide_window(
      volume,
      [&](const torch::Tensor& x_NCDHW) {
        ++calls;
        return pointwise_network(x_NCDHW);
      },
      config_of({8, 4, 4}, {4, 4, 4}, "count"), comm,
      [&](int64_t, const torch::Tensor&) { calls_before.push_back(calls); });
  ASSERT_EQ(calls_before.size(), 40U);
  EXPECT_EQ(calls_before[3], 1);
  EXPECT_EQ(calls_before[4], 2);
}

TEST(SlidingWindowTest, TakesScoresOfOtherFloatTypes) {
  const torch::Tensor image = random_image({9, 6, 6});
  const torch::Tensor got = slide_alone(
      image,
      [](const torch::Tensor& x_NCDHW) { return x_NCDHW.to(torch::kDouble); },
      config_of({4, 4, 4}, {}, "count"));
  EXPECT_EQ(got.scalar_type(), torch::kFloat32);
}

TEST(SlidingWindowTest, ScoresMustHaveTheWindowsShape) {
  expect_error<InternalError>(
      [] {
        slide_alone(
            random_image({4, 4, 4}),
            [](const torch::Tensor& x) { return x.slice(2, 1); },
            config_of({4, 4, 4}, {}, "count"));
      },
      {"scores of a window: [1, 1, 3, 4, 4] for [1, 1, 4, 4, 4]"});
}

TEST(MirroredMeanTest, IsTheMeanOverAllSubsetsOfTheAxes) {
  const torch::Tensor x = random_image({3, 4, 5}).view({1, 1, 3, 4, 5});
  const torch::Tensor got = mirrored_mean(place_network, "hw")(x);
  torch::Tensor want = torch::zeros_like(got);
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{}, {3}, {4}, {3, 4}}) {
    want += place_network(x.flip(dims)).flip(dims) / 4.0;
  }
  EXPECT_TRUE(torch::allclose(got, want, 1e-6, 1e-6));
}

TEST(MirroredMeanTest, MakesAMirroredImageGiveMirroredScores) {
  const torch::Tensor image = random_image({7, 8, 9});
  auto config = config_of({4, 4, 4}, {}, "gaussian");
  config.flips = "dhw";
  config.stride = {3, 4, 1};  // Windows that lie alike from both ends.
  const torch::Tensor one = slide_alone(image, place_network, config);
  const torch::Tensor other =
      slide_alone(image.flip({0, 1, 2}).contiguous(), place_network, config);
  EXPECT_TRUE(torch::allclose(one, other.flip({1, 2, 3}), 1e-5, 1e-5));
}

}  // namespace
}  // namespace voxlift::trainer
