#include "trainer/weights/import_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "trainer/detection/detector.h"
#include "trainer/model/make_network.h"
#include "trainer/model/model_json.h"
#include "trainer/model/pyramid.h"
#include "trainer/weights/published_names.h"

namespace voxlift::trainer {
namespace {

ModelConfig narrow(int64_t classes) {
  ModelConfig config;
  config.classes = classes;
  config.resnet.stem_channels = 8;
  config.resnet.base_channels = 8;
  return config;
}

// Tensors of such a network as others name them.
TensorMap published(const ModelConfig& config, const std::string& prefix) {
  TensorMap tensors;
  for (const auto& [name, tensor] :
       named_tensors(*make_network(config, 3).module)) {
    const std::string bare =
        name.starts_with("backbone.") ? name.substr(9) : name;
    tensors.emplace_back(prefix + bare, tensor);
  }
  return tensors;
}

Imported import_into(const ModelConfig& given, const TensorMap& tensors,
                     const ImportConfig& config) {
  const ModelConfig model = complete_model(given, tensors, config);
  const NetworkWeights source = {tensors, Json(), "w.pth"};
  return import_weights(*make_network(model, 4).module, model, source, config);
}

void expect_all_matched(const Imported& imported) {
  EXPECT_EQ(imported.report.matched_frac(), 1.0);
  EXPECT_TRUE(imported.report.unexpected.empty());
}

// MedicalNet and Kinetics: shortcut A, behind "module."; the latter has a head
// of 400 classes and three input channels.
TEST(ImportWeightsTest, TakesMedicalNetByName) {
  ModelConfig config = narrow(2);
  config.resnet.shortcut = "A";
  const TensorMap file = published(config, "module.");
  EXPECT_TRUE(std::none_of(file.begin(), file.end(), [](const auto& item) {
    return item.first.find("downsample") != std::string::npos;
  }));
  expect_all_matched(import_into(config, file, {}));
}

TEST(ImportWeightsTest, TakesKineticsByName) {
  ModelConfig config = narrow(400);
  config.resnet.shortcut = "A";
  config.resnet.in_channels = 3;
  TensorMap file = published(config, "module.");
  for (auto& [name, tensor] : file) {  // Their head is bare.
    name = name == "module.head.fc.weight" ? "module.fc.weight" : name;
    name = name == "module.head.fc.bias" ? "module.fc.bias" : name;
  }
  config.classes = 0;
  config.resnet.in_channels = 1;
  const Imported imported =
      import_into(config, file, {.convert = {.rgb = "sum"}});
  expect_all_matched(imported);
  EXPECT_EQ(imported.weights.network["classes"], 400);
  EXPECT_EQ(imported.report.converted.size(), 1U);
}

TEST(ImportWeightsTest, TakesModelsGenesisByName) {
  ModelConfig config = narrow(1);
  config.network = "genesis_unet3d";
  config.classes = 2;
  const TensorMap file = published(config, "module.");
  expect_all_matched(import_into(config, file, {}));
  config.network = "genesis_encoder";
  const Imported encoder = import_into(config, file, {.heads = false});
  EXPECT_EQ(encoder.report.matched_frac(), 1.0);
  EXPECT_FALSE(encoder.report.unexpected.empty());  // The decoder.
}

TEST(ImportWeightsTest, TakesTheBackboneOfADetector) {
  ModelConfig config = narrow(1);
  config.network = "mp3d";
  config.resnet.depth = "18ba";
  config.resnet.norm = {.kind = "gn", .groups = 4};
  Pyramid detector(p3d_options(config));
  TensorMap file;
  for (const auto& [name, tensor] : named_tensors(*detector)) {
    file.emplace_back("module." + name, tensor.to(torch::kFloat16));
  }
  // Of a detector that had cropped its maps.
  std::erase_if(file, [](const auto& item) {
    return item.first.find("groupconv") != std::string::npos;
  });
  file.emplace_back("module.bbox_head.fc_cls.weight", torch::ones({81, 4}));
  const ModelConfig model = complete_model(config, file, {});
  const Imported imported = import_weights(*Pyramid(p3d_options(model)), model,
                                           {file, Json(), "w.pth"}, {});
  EXPECT_EQ(imported.report.missing.size(), 4U);
  EXPECT_EQ(imported.report.unexpected.size(), 1U);
  EXPECT_EQ(imported.weights.tensors.size(), file.size() - 1);
  EXPECT_EQ(imported.weights.tensors[0].second.scalar_type(), torch::kFloat32);
}

// Static, since GCC 12 sees uninitialised members in a local one.
const DetectorConfig& narrow_heads() {
  static const DetectorConfig kHeads = [] {
    DetectorConfig config;
    config.channels = 8;
    config.roi.fc_channels = 8;
    return config;
  }();
  return kHeads;
}

// A detector of 80 classes by mmdetection 1.x: the background comes first.
TEST(ImportWeightsTest, TakesAWholeDetectorAndMovesTheBackground) {
  const P3dOptions backbone = {
      .depth = "18ba", .base_channels = 8, .norm = {.kind = "gn", .groups = 4}};
  const DetectorConfig& config = narrow_heads();
  Detector theirs(backbone, config, 80);
  initialize(*theirs, 5);
  TensorMap file;
  const std::string heads = "roi_head.";
  for (const auto& [name, tensor] : named_tensors(*theirs)) {
    const bool is_box = name.find("fc_reg") != std::string::npos;
    const bool is_class = name.find("fc_cls") != std::string::npos;
    const torch::Tensor rows =
        is_box ? torch::cat({torch::zeros_like(tensor.slice(0, 0, 4)), tensor})
               : (is_class ? tensor.roll(1, 0) : tensor);
    file.emplace_back(
        "module." +
            (name.starts_with(heads) ? name.substr(heads.size()) : name),
        rows);
  }
  EXPECT_TRUE(has_box_heads(file));
  ModelConfig model;
  model.network = "mp3d";
  Detector ours(backbone, config, 80);
  const Imported imported = import_weights(
      *ours, complete_model(model, file, {}), {file, Json(), "coco.pth"}, {});
  expect_all_matched(imported);
  EXPECT_EQ(imported.weights.network["classes"], 80);
  for (const char* last : {"fc_cls", "fc_reg"}) {
    const std::string name = str_cat("roi_head.bbox_head.", last, ".weight");
    EXPECT_TRUE(torch::equal(ours->named_parameters()[name],
                             theirs->named_parameters()[name]));
  }
}

TEST(ImportWeightsTest, RefusesAFileOfAnotherNetwork) {
  ModelConfig config = narrow(2);
  config.resnet.depth = "34";
  test::expect_error<ConfigError>(
      [&] { import_into(config, published(narrow(2), ""), {}); },
      {"'w.pth'", "only 102 of 182", "min-matched-frac = 0.9"});
}

TEST(ImportWeightsTest, KeepsOrDropsTheEarlyShortcut) {
  ModelConfig early = narrow(2);
  early.resnet.force_downsample = true;
  const TensorMap file = published(early, "");
  const Imported kept = import_into(narrow(2), file, {});
  expect_all_matched(kept);
  EXPECT_EQ(kept.weights.network["force_downsample"], true);
  const Imported dropped = import_into(narrow(2), file, {.shortcuts = "drop"});
  expect_all_matched(dropped);
  EXPECT_EQ(dropped.weights.network["force_downsample"], false);
  EXPECT_LT(dropped.weights.tensors.size(), kept.weights.tensors.size());
}

TEST(ImportWeightsTest, TellsTheClassesFromTheLastLayer) {
  const torch::Tensor rows = torch::ones({7, 4});
  const auto classes = [&](const std::string& name) {
    return complete_model(ModelConfig(), {{name, rows}}, {}).classes;
  };
  EXPECT_EQ(classes("module.fc.weight"), 7);
  EXPECT_EQ(classes("decode_head.conv_seg.weight"), 7);
  EXPECT_EQ(classes("out_tr.final_conv.weight"), 7);
  EXPECT_EQ(classes("module.bbox_head.fc_cls.weight"), 6);
  EXPECT_EQ(classes("something_fc.weight"), 2);
}

TEST(ImportWeightsTest, NamesLegalOptions) {
  test::expect_error<ConfigError>(
      [] { ImportConfig{.min_matched_frac = 1.5}.validate("", "conv3d"); },
      {"min-matched-frac = 1.5", "[0, 1]"});
  test::expect_error<ConfigError>(
      [] { ImportConfig{.shortcuts = "A"}.validate("", "conv3d"); },
      {"shortcuts = 'A'", "keep or drop"});
}

}  // namespace
}  // namespace voxlift::trainer
