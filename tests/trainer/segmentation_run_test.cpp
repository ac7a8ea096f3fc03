// Whole runs of a tiny U-Net on generated scans: it learns, and it is exact
// like every other task.

#include <gtest/gtest.h>

#include <numeric>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "dataio/source/scan_list.h"
#include "dataio/synth.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/tiny_world.h"

namespace voxlift::trainer {
namespace {

// 10 scans to train on, 4 to score; 4 slots of 2: two steps an epoch, the
// second with a slot of two and three empty ones.
class SegmentationRunTest : public testing::Test {
 protected:
  TrainConfig config(const std::string& out) const {
    TrainConfig config = world_.config(out);
    config.task.kind = "segmentation";
    config.model.network = "unet3d";
    config.model.dropout = 0.2;
    config.model.head_channels = 4;
    config.volume.foreground_frac = 0.5;
    config.volume.flip_depth_prob = 0.5;
    config.optimizer.optim.kind = "adam";
    config.schedule.lr = 0.01;
    config.checkpoint.every_steps = 1;
    config.checkpoint.keep = 9;
    config.run.epochs = 3;
    config.eval.every_epochs = 3;
    config.window.stride = {16, 16, 16};
    return config;
  }

  std::string end_state(const TrainConfig& config) const {
    return world_.state_after(config, 6);
  }

  static std::vector<double> losses_of(const TrainConfig& config) {
    std::vector<double> losses;
    std::istringstream log(
        test::read_text(join_path(config.run.out, "log.jsonl")));
    for (std::string line; std::getline(log, line);) {
      const Json json = parse_json(line, "log");
      if (json["type"] == "step") {
        losses.push_back(json["loss"]);
      }
    }
    return losses;
  }

  test::TinyWorld world_{[](const std::string& dir, const std::string& split) {
    const dataio::SynthVolumesConfig scans = {
        .num_classes = 2, .train_per_class = 5, .val_per_class = 2, .size = 24};
    if (split == "train") {
      dataio::write_synth_volumes(dir, scans);
    }
    return dataio::list_scans(join_path(dir, split + ".csv"),
                              {.root = {},
                               .split = {},
                               .classes = {},
                               .mask_classes = {"tissue", "nodule"},
                               .box_classes = {}});
  }};
  RealFiles files_;
};

TEST_F(SegmentationRunTest, IsTheSameBitsOnAnyWorld) {
  const TrainConfig one = config("one");
  const TrainOutcome outcome = world_.train(one);
  EXPECT_EQ(outcome.steps, 6);
  EXPECT_EQ(outcome.scores["cases"], 4);
  EXPECT_TRUE(outcome.scores["classes"].contains("nodule"));
  for (const int ranks : {2, 4}) {
    const TrainConfig other = config(std::to_string(ranks));
    EXPECT_EQ(outcome.scores, world_.train(other, ranks).scores) << ranks;
    EXPECT_EQ(end_state(one), end_state(other)) << ranks;
  }
}

TEST_F(SegmentationRunTest, GoesOnAfterAStopWithTheSameBits) {
  const TrainConfig whole = config("whole");
  world_.train(whole, 2);
  const TrainConfig parts = config("parts");
  EXPECT_FALSE(world_.train_with(parts, 4, files_, 3).finished);
  EXPECT_TRUE(world_.train(parts, 1).finished);
  EXPECT_EQ(end_state(whole), end_state(parts));
}

TEST_F(SegmentationRunTest, LowersItsLoss) {
  TrainConfig config = this->config("learns");
  config.run.epochs = 25;
  config.model.dropout = 0.0;
  config.schedule.kind = "constant";
  config.checkpoint.every_steps = 1000;
  config.eval.every_epochs = 0;
  world_.train(config);
  const std::vector<double> losses = losses_of(config);
  ASSERT_EQ(losses.size(), 50U);
  const auto mean_of_ten = [](auto first) {
    return std::accumulate(first, first + 10, 0.0) / 10.0;
  };
  EXPECT_LT(mean_of_ten(losses.end() - 10), 0.75 * mean_of_ten(losses.begin()));
}

TEST_F(SegmentationRunTest, NamesANetworkThatDoesNotFit) {
  TrainConfig config = this->config("net");
  config.model.network = "resnet3d";
  test::expect_error<ConfigError>(
      [&] { world_.train(config); },
      {"model.network = 'resnet3d'", "segmentation"});
}

TEST_F(SegmentationRunTest, RefusesToResizeWhatIsScoredAsItIs) {
  TrainConfig config = this->config("resize");
  config.volume.fit = "resize";
  test::expect_error<ConfigError>([&] { world_.train(config); },
                                  {"volume.fit = 'resize'", "recipe"});
}

TEST(SegmentationWithoutMasksTest, IsRefused) {
  test::TinyWorld world(5, /*volumes=*/true);
  TrainConfig config = world.config("out");
  config.task.kind = "segmentation";
  config.model.network = "unet3d";
  test::expect_error<ConfigError>([&] { world.train(config); }, {"masks"});
}

}  // namespace
}  // namespace voxlift::trainer
