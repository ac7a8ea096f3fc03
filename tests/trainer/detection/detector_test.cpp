#include "trainer/detection/detector.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/dropout.h"

namespace voxlift::trainer {
namespace {

using test::expect_error;

int64_t parameters_of(const P3dOptions& backbone) {
  DetectorImpl detector(backbone, {}, 1);
  int64_t count = 0;
  for (const torch::Tensor& parameter : detector.parameters()) {
    count += parameter.numel();
  }
  return count;
}

TEST(DetectorTest, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(parameters_of({.depth = "18ba", .modified = false}), 32'360'405);
  EXPECT_EQ(parameters_of({.depth = "63", .modified = false}), 45'121'877);
  EXPECT_EQ(parameters_of({.depth = "63", .conversion = "groupconv"}),
            45'156'437);
}

P3dOptions tiny_backbone() {
  return {.depth = "18ba",
          .conversion = "groupconv",
          .slices = 3,
          .base_channels = 4,
          .norm = {.kind = "gn", .groups = 2}};
}

DetectorConfig tiny_config() {
  DetectorConfig config;
  config.channels = 8;
  config.roi.fc_channels = 16;
  config.rpn.sample.count = 32;
  config.roi.sample.count = 16;
  config.rpn.train.per_image = config.rpn.eval.per_image = 50;
  return config;
}

TEST(DetectorTest, HasThePublishedNames) {
  DetectorImpl detector(tiny_backbone(), tiny_config(), 1);
  const auto named = detector.named_parameters();
  for (const char* name :
       {"backbone.conv1_custom.weight", "backbone.groupconv_4.weight",
        "neck.lateral_convs.0.conv.weight", "neck.fpn_convs.3.conv.bias",
        "rpn_head.rpn_conv.weight", "rpn_head.rpn_cls.bias",
        "rpn_head.rpn_reg.weight", "roi_head.bbox_head.shared_fcs.0.weight",
        "roi_head.bbox_head.fc_cls.bias", "roi_head.bbox_head.fc_reg.weight"}) {
    EXPECT_TRUE(named.contains(name)) << name;
  }
}

TEST(DetectorTest, StartsAsPublished) {
  DetectorImpl detector(tiny_backbone(), tiny_config(), 1);
  initialize(detector, 7);
  const auto named = detector.named_parameters();
  const auto deviation = [&](const std::string& name) {
    return named[name].std().item<double>();
  };
  EXPECT_NEAR(deviation("rpn_head.rpn_conv.weight"), 0.01, 0.002);
  EXPECT_NEAR(deviation("roi_head.bbox_head.fc_cls.weight"), 0.01, 0.004);
  EXPECT_NEAR(deviation("roi_head.bbox_head.fc_reg.weight"), 0.001, 0.0004);
  const double bound = std::sqrt(6.0 / (8 * 49 + 16));
  EXPECT_NEAR(deviation("roi_head.bbox_head.shared_fcs.0.weight"),
              bound / std::sqrt(3.0), 0.1 * bound);
  EXPECT_EQ(deviation("roi_head.bbox_head.shared_fcs.0.bias"), 0.0);
  EXPECT_EQ(named["rpn_head.rpn_cls.bias"].abs().sum().item<double>(), 0.0);
}

struct TinyBatch {
  torch::Tensor x = torch::randn({2, 1, 3, 64, 64});
  std::vector<TrueBoxes> truth = {
      {torch::tensor({{10.0, 12.0, 30.0, 34.0}, {40.0, 8.0, 52.0, 20.0}}),
       torch::tensor({0, 0}, torch::kInt64)},
      {torch::zeros({0, 4}), torch::zeros({0}, torch::kInt64)}};
  std::vector<ImageSize> sizes = {{64, 64}, {48, 64}};
};

double sum_of(const DetectorLosses& losses) {
  return (losses.proposals.scores + losses.proposals.boxes +
          losses.detections.scores + losses.detections.boxes)
      .item<double>();
}

TEST(DetectorTest, GivesEveryParameterAGradient) {
  torch::manual_seed(9);
  const TinyBatch batch;
  // Anchors of every level fit, and all are taken.
  DetectorConfig config = tiny_config();
  config.rpn.anchors.scale = 1.0;
  config.rpn.sample.count = 10'000;
  DetectorImpl detector(tiny_backbone(), config, 1);
  initialize(detector, 7);
  const DetectorLosses losses =
      detector.losses(batch.x, batch.truth, batch.sizes);
  (losses.proposals.scores + losses.proposals.boxes + losses.detections.scores +
   losses.detections.boxes)
      .backward();
  for (const auto& item : detector.named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().sum().item<double>(), 0.0)
        << item.key();
  }
}

TEST(DetectorTest, DrawsByTheSlotOnly) {
  torch::manual_seed(9);
  const TinyBatch batch;
  DetectorImpl detector(tiny_backbone(), tiny_config(), 1);
  initialize(detector, 7);
  const auto loss_with = [&](uint64_t seed) {
    const SlotDraws draws(seed);
    return sum_of(detector.losses(batch.x, batch.truth, batch.sizes));
  };
  const double first = loss_with(1);
  EXPECT_NE(first, loss_with(2));
  EXPECT_EQ(first, loss_with(1));
}

TEST(DetectorTest, FindsBoxesInsideThePictures) {
  torch::manual_seed(9);
  const TinyBatch batch;
  DetectorImpl detector(tiny_backbone(), tiny_config(), 2);
  initialize(detector, 7);
  const auto found = detector.detect(batch.x, batch.sizes);
  ASSERT_EQ(found.size(), 2U);
  for (const Detections& one : found) {
    EXPECT_LE(one.boxes_N4.size(0), 100);
    EXPECT_GT(one.boxes_N4.size(0), 0);
    EXPECT_EQ(one.scores_N.size(0), one.labels_N.size(0));
    EXPECT_GE(one.boxes_N4.min().item<double>(), 0.0);
    EXPECT_LE(one.boxes_N4.max().item<double>(), 64.0);
  }
  EXPECT_LE(found[1].boxes_N4.select(1, 3).max().item<double>(), 48.0);
}

TEST(DetectorTest, RefusesWhatIsNoDetector) {
  P3dOptions backbone = tiny_backbone();
  backbone.conversion = "keep3d";
  expect_error<ConfigError>([&] { DetectorImpl(backbone, tiny_config(), 1); },
                            {"model.conversion = 'keep3d'", "groupconv"});
}

TEST(DetectorConfigTest, NamesTheBadField) {
  const auto expect = [](auto change,
                         std::initializer_list<std::string> parts) {
    DetectorConfig config;
    change(config);
    expect_error<ConfigError>([&] { config.validate("detector."); }, parts);
  };
  expect([](auto& c) { c.channels = 0; },
         {"detector.channels = 0", "at least 1"});
  expect([](auto& c) { c.roi.max_iou = 1.5; },
         {"detector.max_iou = 1.5", "[0, 1]"});
  expect([](auto& c) { c.rpn.smooth_l1_beta = 0.0; },
         {"detector.rpn_beta = 0", "more than 0"});
  expect([](auto& c) { c.roi.align_samples = -1; },
         {"detector.align_samples = -1", "at least 0"});
  expect(
      [](auto& c) { c.rpn.assign.negative_iou = 0.8; },
      {"detector.rpn_negative_iou = 0.8", "detector.rpn_positive_iou = 0.7"});
  expect([](auto& c) { c.rpn.score_loss = "hinge"; },
         {"detector.rpn_score_loss = 'hinge'", "'bce' or 'focal'"});
  expect([](auto& c) { c.froc_overlap = "dice"; },
         {"detector.froc_overlap = 'dice'", "'iou' or 'iobb'"});
}

}  // namespace
}  // namespace voxlift::trainer
