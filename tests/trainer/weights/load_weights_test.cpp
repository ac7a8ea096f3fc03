#include "trainer/weights/load_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/model/classifier.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

Classifier narrow_model(int64_t classes, uint64_t seed) {
  ModelConfig config;
  config.classes = classes;
  config.resnet.stem_channels = 8;
  config.resnet.base_channels = 8;
  Classifier model(config);
  initialize(*model, seed);
  return model;
}

TensorMap renamed(const TensorMap& tensors, const std::string& prefix,
                  bool bare) {
  TensorMap out;
  for (const auto& [name, tensor] : tensors) {
    const bool in_backbone = name.starts_with("backbone.");
    out.emplace_back(prefix + (bare && in_backbone ? name.substr(9) : name),
                     tensor);
  }
  return out;
}

TEST(MatchWeightsTest, UnderstandsEveryPublishedPrefix) {
  Classifier source = narrow_model(3, 1);
  for (const std::string prefix : {"", "module."}) {
    for (const bool bare : {false, true}) {
      Classifier target = narrow_model(3, 2);
      const MatchReport report = match_weights(
          *target, renamed(named_tensors(*source), prefix, bare), {});
      EXPECT_EQ(report.matched_frac(), 1.0);
      EXPECT_TRUE(report.unexpected.empty());
      EXPECT_EQ(report.skipped.size(), 2U);  // The head.
      EXPECT_TRUE(torch::equal(
          target->named_parameters()["backbone.layer4.1.conv2.weight"],
          source->named_parameters()["backbone.layer4.1.conv2.weight"]));
      EXPECT_FALSE(torch::equal(target->named_parameters()["head.fc.weight"],
                                source->named_parameters()["head.fc.weight"]));
    }
  }
}

TEST(MatchWeightsTest, ReportsWhatIsMissingUnexpectedAndReshaped) {
  Classifier source = narrow_model(5, 1);
  TensorMap tensors = named_tensors(*source);
  std::erase_if(tensors, [](const auto& item) {
    return item.first == "backbone.conv1.weight";
  });
  tensors.emplace_back("backbone.layer9.weight", torch::ones({1}));
  Classifier target = narrow_model(3, 2);
  const torch::Tensor before =
      target->named_parameters()["head.fc.weight"].clone();
  const MatchReport report =
      match_weights(*target, tensors, {.load_head = true});
  EXPECT_EQ(report.missing, std::vector<std::string>{"backbone.conv1.weight"});
  EXPECT_EQ(report.unexpected,
            std::vector<std::string>{"backbone.layer9.weight"});
  ASSERT_EQ(report.reshaped.size(), 2U);
  EXPECT_EQ(report.reshaped[0],
            "head.fc.weight: file (5, 64), network (3, 64)");
  EXPECT_TRUE(
      torch::equal(target->named_parameters()["head.fc.weight"], before));
  EXPECT_LT(report.matched_frac(), 1.0);
  EXPECT_NE(report.text().find("layer9"), std::string::npos);
}

TEST(MatchWeightsTest, TakesFloat16Tensors) {
  Classifier source = narrow_model(3, 1);
  TensorMap tensors;
  for (const auto& [name, tensor] : named_tensors(*source)) {
    tensors.emplace_back(name, tensor.is_floating_point()
                                   ? tensor.detach().to(torch::kFloat16)
                                   : tensor);
  }
  Classifier target = narrow_model(3, 2);
  EXPECT_EQ(match_weights(*target, tensors, {}).matched_frac(), 1.0);
  const auto named = target->named_parameters();
  EXPECT_EQ(named["backbone.conv1.weight"].scalar_type(), torch::kFloat32);
  EXPECT_TRUE(torch::allclose(
      named["backbone.conv1.weight"],
      source->named_parameters()["backbone.conv1.weight"], 1e-3, 1e-4));
}

TEST(ReadWeightFileTest, TakesTheLastCheckpointOfAFinishedRun) {
  const test::TempDir temp;
  RealFiles files;
  const std::string checkpoint = temp.file("run/checkpoints/step_00000020");
  files.make_dirs(checkpoint);
  const SafetensorsImage image({{"a", torch::ones({2})}});
  files.write_durable(join_path(checkpoint, "model.safetensors"),
                      image.pieces());
  test::expect_error<ConfigError>(
      [&] { (void)read_weight_file(files, temp.file("run")); },
      {"run' is a run that has not finished", "result.json"});
  // Written where the run was before it was moved.
  temp.write("run/result.json",
             R"({"checkpoint": "elsewhere/checkpoints/step_00000020"})");
  EXPECT_EQ(read_weight_file(files, temp.file("run")).size(), 1U);
}

}  // namespace
}  // namespace voxlift::trainer
