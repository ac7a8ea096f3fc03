#include "trainer/task/segmentation.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

constexpr dataio::Shape3 kShape = {4, 6, 8};

// Bright voxels are class 1, very bright ones class 2; the mask says what
// should be.
class MadeScan : public dataio::VolumeSource {
 public:
  MadeScan(std::vector<float> voxels, std::vector<uint8_t> mask)
      : voxels_(std::move(voxels)), mask_(std::move(mask)) {
    facts_.shape = kShape;
    facts_.spacing_mm = {2.0, 1.0, 1.0};
    facts_.has_mask = !mask_.empty();
  }

  const dataio::VolumeFacts& facts() const override { return facts_; }

  std::string describe() const override { return "made scan"; }

  void read_image(const dataio::VoxelBox& box,
                  std::span<float> out) const override {
    read(voxels_, box, out);
  }

  void read_mask(const dataio::VoxelBox& box,
                 std::span<uint8_t> out) const override {
    read(mask_, box, out);
  }

  dataio::Shape3 foreground_voxel(int64_t /*k*/) const override { return {}; }

 private:
  template <typename T>
  static void read(const std::vector<T>& from, const dataio::VoxelBox& box,
                   std::span<T> out) {
    size_t i = 0;
    for (int64_t d = 0; d < box.size[0]; ++d) {
      for (int64_t h = 0; h < box.size[1]; ++h) {
        for (int64_t w = 0; w < box.size[2]; ++w) {
          const int64_t at =
              ((box.start[0] + d) * kShape[1] + box.start[1] + h) * kShape[2] +
              box.start[2] + w;
          out[i++] = from[static_cast<size_t>(at)];
        }
      }
    }
  }

  dataio::VolumeFacts facts_;
  std::vector<float> voxels_;
  std::vector<uint8_t> mask_;
};

// Scores (0.5, x, 2 x - 1.5) of a voxel x: class 0, 1, 2 for 0, 1, 2. The
// factor is a parameter, so that there is something to train.
struct BrightnessNet : torch::nn::Module {
  BrightnessNet() : factor(register_parameter("factor", torch::ones({1}))) {}

  torch::Tensor factor;
};

Network brightness_network() {
  auto module = std::make_shared<BrightnessNet>();
  return {module, [module](const torch::Tensor& x_NCDHW) {
            const torch::Tensor x = x_NCDHW * module->factor;
            return torch::cat({torch::full_like(x, 0.5), x, 2.0 * x - 1.5}, 1);
          },
          {}};
}

Segmentation made_task() {
  dataio::VolumeTransformConfig intensities;
  intensities.normalize = "none";
  return {brightness_network(),
          {},
          ScanView{.classes = {"background", "organ", "lesion"},
                   .intensities = intensities,
                   .window = {.window = {4, 4, 4}, .flips = {}}}};
}

std::vector<float> as_voxels(const std::vector<uint8_t>& labels) {
  return {labels.begin(), labels.end()};
}

std::vector<uint8_t> two_blocks() {
  std::vector<uint8_t> labels(4 * 6 * 8, 0);
  std::fill_n(labels.begin() + 48, 16, uint8_t{1});
  std::fill_n(labels.begin() + 120, 5, uint8_t{2});
  return labels;
}

TEST(SegmentationTest, ScoresARightAnswerOnWholeScans) {
  Segmentation task = made_task();
  const std::vector<uint8_t> mask = two_blocks();
  const Json scores =
      task.summarize({task.evaluate_scan(MadeScan(as_voxels(mask), mask))});
  EXPECT_EQ(scores["cases"], 1);
  EXPECT_EQ(scores["dice"], 1.0);
  EXPECT_EQ(scores["iou"], 1.0);
  EXPECT_EQ(scores["hd95_mm"], 0.0);
  EXPECT_EQ(scores["surface_dice"], 1.0);
  EXPECT_EQ(scores["lesion_sensitivity"], 1.0);
  EXPECT_EQ(scores["classes"]["lesion"]["lesions"], 1);
  EXPECT_EQ(scores["classes"]["organ"]["dice_per_case"], 1.0);
}

// 16 voxels of class 1, of which the answer has 8 and 8 others.
TEST(SegmentationTest, CountsVoxelsOfAllScansTogether) {
  Segmentation task = made_task();
  std::vector<uint8_t> answer(192, 0);
  std::fill_n(answer.begin() + 56, 16, uint8_t{1});
  std::vector<uint8_t> mask(192, 0);
  std::fill_n(mask.begin() + 48, 16, uint8_t{1});
  const std::vector<uint8_t> empty(192, 0);
  const Json scores =
      task.summarize({task.evaluate_scan(MadeScan(as_voxels(answer), mask)),
                      task.evaluate_scan(MadeScan(as_voxels(empty), empty))});
  const Json& organ = scores["classes"]["organ"];
  EXPECT_EQ(organ["dice"], 0.5);
  EXPECT_EQ(organ["dice_per_case"], 0.75);  // 0.5 and, both empty, 1.
  EXPECT_NEAR(organ["iou"].get<double>(), 8.0 / 24.0, 1e-12);
  EXPECT_EQ(organ["lesions"], 1);
  EXPECT_TRUE(scores["classes"]["lesion"]["lesion_sensitivity"].is_null());
}

TEST(SegmentationTest, IgnoresWhatIsMarkedSo) {
  Segmentation task = made_task();
  std::vector<uint8_t> mask = two_blocks();
  std::vector<float> voxels = as_voxels(mask);
  for (size_t i = 180; i < 192; ++i) {
    mask[i] = 255;
    voxels[i] = 2.0F;
  }
  const Json scores =
      task.summarize({task.evaluate_scan(MadeScan(voxels, mask))});
  EXPECT_EQ(scores["dice"], 1.0);
  EXPECT_EQ(scores["false_alarms_per_scan"], 0.0);
}

TEST(SegmentationTest, NamesALabelThatIsNoClass) {
  Segmentation task = made_task();
  std::vector<uint8_t> mask = two_blocks();
  mask[7] = 9;
  test::expect_error<DataError>(
      [&] { task.evaluate_scan(MadeScan(as_voxels(mask), mask)); },
      {"made scan", "9"});
  Batch batch;
  batch.x_NCDHW = torch::zeros({1, 1, 1, 2, 2});
  batch.label_N = torch::zeros({1}, torch::kInt64);
  batch.mask_NDHW =
      torch::tensor({0, 1, 7, 2}).to(torch::kUInt8).view({1, 1, 2, 2});
  batch.ids = {31};
  std::vector<double> sums(2);
  test::expect_error<DataError>([&] { task.loss(batch, sums); },
                                {"sample 31", "label 7", "3 classes (0 to 2)"});
}

TEST(SegmentationTest, NeedsAMaskToScore) {
  Segmentation task = made_task();
  test::expect_error<DataError>(
      [&] { task.evaluate_scan(MadeScan(std::vector<float>(192), {})); },
      {"made scan", "has no mask"});
}

TEST(SegmentationTest, AddsUpWeightedLossesAndTheHardDice) {
  const torch::Tensor mask =
      torch::tensor({0, 1, 2, 1}).to(torch::kUInt8).view({1, 1, 2, 2});
  Batch batch;
  batch.x_NCDHW = mask.to(torch::kFloat32).unsqueeze(1);
  batch.label_N = torch::zeros({1}, torch::kInt64);
  batch.mask_NDHW = mask;
  const auto loss_of = [&](const SegmentationConfig& config) {
    Segmentation task(brightness_network(), config,
                      ScanView{.classes = {"a", "b", "c"},
                               .intensities = {},
                               .window = {.flips = {}}});
    std::vector<double> sums(2);
    const double loss = task.loss(batch, sums).item<double>();
    EXPECT_EQ(sums[0], loss);
    EXPECT_EQ(sums[1], 1.0);
    return loss;
  };
  const double ce = loss_of({.ce_weight = 1.0, .dice_weight = 0.0});
  const double dice = loss_of({.ce_weight = 0.0, .dice_weight = 1.0});
  const double focal =
      loss_of({.ce_weight = 0.0, .dice_weight = 0.0, .focal_weight = 1.0});
  EXPECT_NEAR(
      loss_of({.ce_weight = 1.0, .dice_weight = 0.5, .focal_weight = 2.0}),
      ce + 0.5 * dice + 2.0 * focal, 1e-6);
}

TEST(SegmentationConfigTest, RefusesALossOfNothing) {
  test::expect_error<ConfigError>(
      [] {
        SegmentationConfig{.ce_weight = 0.0, .dice_weight = 0.0}.validate("s.");
      },
      {"s.ce_weight + dice_weight + focal_weight = 0", "more than 0"});
  test::expect_error<ConfigError>(
      [] { SegmentationConfig{.focal_gamma = -1.0}.validate("s."); },
      {"s.focal_gamma = -1"});
  test::expect_error<ConfigError>(
      [] { SegmentationConfig{.lesion_min_iou = 0.0}.validate("s."); },
      {"s.lesion_min_iou = 0", "(0, 1]"});
}

}  // namespace
}  // namespace voxlift::trainer
