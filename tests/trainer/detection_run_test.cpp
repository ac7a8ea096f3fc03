// Whole runs of a tiny detector on generated pictures: it learns, and it is
// exact like every other task.

#include <gtest/gtest.h>

#include "base/error.h"
#include "dataio/source/coco.h"
#include "dataio/synth_boxes.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/tiny_world.h"

namespace voxlift::trainer {
namespace {

// 20 pictures to train on, 6 to score; 4 slots of 2: three steps an epoch, the
// last with an empty and a half slot.
class DetectionRunTest : public testing::Test {
 protected:
  TrainConfig config(const std::string& out) const {
    TrainConfig config = world_.config(out);
    config.task.kind = "detection";
    config.model.network = "mp3d";
    config.model.slices = 3;
    config.model.resnet.depth = "18ba";
    config.model.resnet.base_channels = 4;
    config.model.resnet.norm = {.kind = "gn", .groups = 2};
    config.slices.num_slices = 3;
    config.slices.interval_mm = 0.0;
    config.slices.window_low = 0.0;
    config.slices.window_high = 255.0;
    config.slices.train_sides = {48, 64};
    config.slices.eval_side = 64;
    config.detector.channels = 8;
    config.detector.roi.fc_channels = 16;
    config.detector.rpn.sample.count = 32;
    config.detector.roi.sample.count = 16;
    config.detector.rpn.train.per_image = 40;
    config.detector.rpn.eval.per_image = 40;
    config.optimizer.optim.clip_norm = 35.0;
    config.schedule.lr = 0.02;
    config.checkpoint.every_steps = 1;
    config.checkpoint.keep = 9;
    return config;
  }

  std::string end_state(const TrainConfig& config) const {
    return world_.state_after(config, 6);
  }

  test::TinyWorld world_{[](const std::string& dir, const std::string& split) {
    const dataio::SynthBoxesConfig boxes = {.train = 20, .val = 6};
    if (split == "train") {
      dataio::write_synth_boxes(dir, boxes);
    }
    return dataio::list_coco(join_path(dir, split + ".json"), "");
  }};
  RealFiles files_;
};

TEST_F(DetectionRunTest, IsTheSameBitsOnAnyWorld) {
  const TrainConfig one = config("one");
  const TrainOutcome outcome = world_.train(one);
  EXPECT_EQ(outcome.steps, 6);
  EXPECT_EQ(outcome.scores["images"], 6);
  EXPECT_EQ(outcome.scores["boxes"], 9);
  for (const int ranks : {2, 4}) {
    const TrainConfig other = config(std::to_string(ranks));
    EXPECT_EQ(outcome.scores, world_.train(other, ranks).scores) << ranks;
    EXPECT_EQ(end_state(one), end_state(other)) << ranks;
  }
}

TEST_F(DetectionRunTest, GoesOnAfterAStopWithTheSameBits) {
  const TrainConfig whole = config("whole");
  world_.train(whole, 2);
  const TrainConfig parts = config("parts");
  EXPECT_FALSE(world_.train_with(parts, 4, files_, 2).finished);
  EXPECT_FALSE(world_.train_with(parts, 1, files_, 2).finished);
  EXPECT_TRUE(world_.train(parts, 2).finished);
  EXPECT_EQ(end_state(whole), end_state(parts));
}

TEST_F(DetectionRunTest, NamesOptionsThatDoNotFit) {
  TrainConfig two = config("two");
  two.model.slices = 9;
  test::expect_error<ConfigError>(
      [&] { world_.train(two); },
      {"model.slices = 9", "slices.num_slices = 3", "groupconv"});
  TrainConfig net = config("net");
  net.model.network = "resnet3d";
  net.model.resnet.depth = "18";
  test::expect_error<ConfigError>([&] { world_.train(net); },
                                  {"model.network = 'resnet3d'", "detection"});
}

TEST(DetectionWithoutBoxesTest, IsRefused) {
  test::TinyWorld world(5, /*volumes=*/true);
  TrainConfig config = world.config("out");
  config.task.kind = "detection";
  config.model.network = "mp3d";
  config.model.resnet.depth = "18ba";
  config.model.resnet.norm = {.kind = "gn", .groups = 2};
  test::expect_error<ConfigError>([&] { world.train(config); }, {"boxes"});
}

}  // namespace
}  // namespace voxlift::trainer
