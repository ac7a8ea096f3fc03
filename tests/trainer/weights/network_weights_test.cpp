#include "trainer/weights/network_weights.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {
namespace {

const Json kNetwork = {{"network", "resnet3d"}, {"depth", 18}};

NetworkWeights some_weights() {
  return {{{"backbone.conv1.weight", torch::randn({2, 1, 3, 3, 3})},
           {"backbone.bn1.num_batches_tracked", torch::tensor(3)},
           {"head.fc.weight", torch::randn({4, 2})}},
          kNetwork,
          "made"};
}

// A run that keeps a running mean, with checkpoints of two steps.
void save_run(Files& files, const std::string& run, bool evaluate_mean) {
  CheckpointStore store(files, join_path(run, "checkpoints"), 3);
  files.make_dirs(join_path(run, "checkpoints"));
  for (const int64_t step : {5, 6}) {
    store.save(
        step,
        {.model = {{"w", torch::full({2}, step)}},
         .optimizer = {{"ema.w", torch::full({2}, -step)}},
         .state = {{"identity", {{"model", kNetwork}}},
                   {"config",
                    {{"ema.decay", "0.9"},
                     {"ema.evaluate", evaluate_mean ? "true" : "false"}}}}});
  }
}

TEST(NetworkWeightsTest, BothFormatsKeepTensorsTypesAndNetwork) {
  const test::TempDir temp;
  RealFiles files;
  for (const char* name : {"w.safetensors", "w.pth"}) {
    const NetworkWeights weights = some_weights();
    write_network_weights(weights, {}, files, temp.file(name));
    const NetworkWeights back = read_network_weights(files, temp.file(name));
    EXPECT_EQ(back.network, kNetwork);
    EXPECT_EQ(back.origin, temp.file(name));
    ASSERT_EQ(back.tensors.size(), 3U);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(back.tensors[i].first, weights.tensors[i].first);
      EXPECT_TRUE(
          torch::equal(back.tensors[i].second, weights.tensors[i].second));
    }
    EXPECT_EQ(read_weight_file(files, temp.file(name)).size(), 3U);
  }
}

TEST(NetworkWeightsTest, WritesOtherTypesAndBareNames) {
  const test::TempDir temp;
  RealFiles files;
  write_network_weights(some_weights(), {.dtype = "float16", .names = "bare"},
                        files, temp.file("w.pth"));
  const auto tensors = read_network_weights(files, temp.file("w.pth")).tensors;
  EXPECT_EQ(tensors[0].first, "conv1.weight");
  EXPECT_EQ(tensors[0].second.scalar_type(), torch::kFloat16);
  EXPECT_EQ(tensors[1].second.scalar_type(), torch::kInt64);
  EXPECT_EQ(tensors[2].first, "fc.weight");
}

TEST(NetworkWeightsTest, RefusesTwoTensorsOfOneBareName) {
  const test::TempDir temp;
  RealFiles files;
  NetworkWeights weights = some_weights();
  weights.tensors.emplace_back("conv1.weight", torch::ones({1}));
  test::expect_error<DataError>(
      [&] {
        write_network_weights(weights, {.names = "bare"}, files,
                              temp.file("w.pth"));
      },
      {"'made'", "two tensors", "'conv1.weight'"});
}

TEST(NetworkWeightsTest, TellsTheFormatByTheNamesEnd) {
  const test::TempDir temp;
  RealFiles files;
  test::expect_error<ConfigError>(
      [&] {
        write_network_weights(some_weights(), {}, files, temp.file("w.onnx"));
      },
      {"w.onnx", ".safetensors or .pth"});
  test::expect_error<ConfigError>(
      [] { WriteConfig{.dtype = "int8"}.validate(""); },
      {"dtype = 'int8'", "bfloat16"});
  test::expect_error<ConfigError>(
      [] { WriteConfig{.names = "long"}.validate(""); },
      {"names = 'long'", "full or bare"});
}

TEST(NetworkWeightsTest, TakesTheNewestCheckpointAndWhatTheRunScores) {
  const test::TempDir temp;
  RealFiles files;
  for (const bool mean : {true, false}) {
    const std::string run = temp.file(mean ? "mean" : "plain");
    save_run(files, run, mean);
    const NetworkWeights newest = read_network_weights(files, run + "/");
    EXPECT_EQ(newest.network, kNetwork);
    EXPECT_EQ(newest.tensors[0].second[0].item<float>(), mean ? -6.0F : 6.0F);
    const NetworkWeights older = read_network_weights(
        files, join_path(run, "checkpoints/step_00000005"));
    EXPECT_EQ(older.tensors[0].second[0].item<float>(), mean ? -5.0F : 5.0F);
  }
}

TEST(NetworkWeightsTest, NamesARunWithoutCheckpoints) {
  const test::TempDir temp;
  RealFiles files;
  files.make_dirs(temp.file("run/checkpoints"));
  test::expect_error<ConfigError>(
      [&] { read_network_weights(files, temp.file("run")); },
      {"run' has no good checkpoint"});
}

}  // namespace
}  // namespace voxlift::trainer
