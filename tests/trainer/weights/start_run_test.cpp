// Networks of converted weights, and of Models Genesis, in the training loop.

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/tiny_world.h"
#include "trainer/weights/network_weights.h"

namespace voxlift::trainer {
namespace {

// 12 scans in steps of 8: 2 steps an epoch, 4 in all.
class StartRunTest : public testing::Test {
 protected:
  TrainConfig config(const std::string& out) const {
    TrainConfig config = scans_.config(out);
    config.model.resnet.depth_stride = true;
    return config;
  }

  // The same bits on one rank, on two, and interrupted.
  void expect_exact(const TrainConfig& like) {
    TrainConfig one = like;
    one.run.out = scans_.file("one");
    const TrainOutcome outcome = scans_.train(one);
    TrainConfig two = like;
    two.run.out = scans_.file("two");
    scans_.train_with(two, 2, files_, 3);
    EXPECT_EQ(scans_.train(two, 2).scores, outcome.scores);
    EXPECT_EQ(scans_.state_after(one, 4), scans_.state_after(two, 4));
  }

  test::TinyWorld scans_{3, true};
  RealFiles files_;
};

TEST_F(StartRunTest, AcsIsExact) {
  TrainConfig acs = config("");
  acs.model.resnet.conv = "acs";
  expect_exact(acs);
}

TEST_F(StartRunTest, TheGenesisEncoderIsExact) {
  TrainConfig genesis = config("");
  genesis.model.network = "genesis_encoder";
  expect_exact(genesis);
}

TEST_F(StartRunTest, ANetworkIn2DStartsOneIn3D) {
  TrainConfig flat = config("flat");
  flat.run.epochs = 1;
  flat.model.resnet.conv = "acs";
  scans_.train(flat);
  TrainConfig deep = config("deep");
  deep.init.weights = flat.run.out;
  deep.init.convert.convert = "i3d";
  EXPECT_TRUE(scans_.train(deep).finished);
  TrainConfig without = config("without");
  without.init.weights = flat.run.out;
  test::expect_error<ConfigError>([&] { scans_.train(without); },
                                  {"init.weights", "tensors match"});
}

TEST_F(StartRunTest, TheSchemeChangesTheStart) {
  TrainConfig published = config("published");
  TrainConfig xavier = config("xavier");
  xavier.init.scheme = "xavier";
  scans_.train(published);
  scans_.train(xavier);
  EXPECT_NE(scans_.state_after(published, 4), scans_.state_after(xavier, 4));
  xavier.init.scheme = "he";
  test::expect_error<ConfigError>(
      [&] { xavier.validate(); },
      {"init.scheme = 'he'", "default, uniform or xavier"});
}

TEST_F(StartRunTest, ARunsExportIsItsLastCheckpoint) {
  TrainConfig run = config("run");
  run.ema.decay = 0.5;
  scans_.train(run);
  const NetworkWeights exported = read_network_weights(files_, run.run.out);
  EXPECT_TRUE(exported.origin.ends_with("step_00000004"));
  EXPECT_EQ(exported.network["base_channels"], 4);
  EXPECT_EQ(exported.network["classes"], 4);
  TrainConfig again = config("again");
  again.init = {.weights = exported.origin, .load_head = true};
  EXPECT_TRUE(scans_.train(again).finished);
}

}  // namespace
}  // namespace voxlift::trainer
