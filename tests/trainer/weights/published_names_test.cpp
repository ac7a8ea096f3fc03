#include "trainer/weights/published_names.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

std::vector<std::string> names_of(const TensorMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
  }
  return names;
}

TEST(PublishedNamesTest, PrefixesComeAndGo) {
  const torch::Tensor t = torch::ones({1});
  EXPECT_EQ(names_of(with_network_names(
                {{"module.backbone.a", t},
                 {"module.fc.weight", t},
                 {"b", t},
                 {"module.lost", t}},
                {"backbone.a", "head.fc.weight", "backbone.b"})),
            (std::vector<std::string>{"backbone.a", "head.fc.weight",
                                      "backbone.b", "lost"}));
  EXPECT_EQ(names_of(with_network_names({{"backbone.down.a", t}}, {"down.a"})),
            std::vector<std::string>{"down.a"});
}

TEST(PublishedNamesTest, RefusesTwoTensorsForOneName) {
  const torch::Tensor t = torch::ones({1});
  test::expect_error<DataError>(
      [&] {
        with_network_names({{"a", t}, {"backbone.a", t}}, {"backbone.a"});
      },
      {"'a'", "'backbone.a'", "are both"});
}

// Two classes and the background, which comes first.
TensorMap old_box_head() {
  return {
      {"module.bbox_head.fc_cls.weight",
       torch::arange(3).view({3, 1}).to(torch::kFloat32)},
      {"module.bbox_head.fc_cls.bias", torch::arange(3).to(torch::kFloat32)},
      {"module.bbox_head.fc_reg.weight",
       torch::arange(12).view({12, 1}).to(torch::kFloat32)},
      {"module.bbox_head.shared_fcs.0.bias", torch::arange(5)}};
}

const std::set<std::string> kDetector = {
    "roi_head.bbox_head.fc_cls.weight", "roi_head.bbox_head.fc_cls.bias",
    "roi_head.bbox_head.fc_reg.weight", "roi_head.bbox_head.shared_fcs.0.bias"};

TEST(PublishedNamesTest, TheBackgroundOfOldDetectorsGoesLast) {
  const TensorMap found = with_network_names(old_box_head(), kDetector);
  for (const auto& [name, tensor] : found) {
    EXPECT_TRUE(kDetector.contains(name)) << name;
  }
  EXPECT_TRUE(torch::equal(found[0].second.view({-1}),
                           torch::tensor({1.0F, 2.0F, 0.0F})));
  EXPECT_TRUE(torch::equal(found[1].second, torch::tensor({1.0F, 2.0F, 0.0F})));
  EXPECT_EQ(found[2].second.size(0), 8);
  EXPECT_EQ(found[2].second[0].item<float>(), 4.0F);
  EXPECT_TRUE(torch::equal(found[3].second, torch::arange(5)));
}

TEST(PublishedNamesTest, NewDetectorsStayAsTheyAre) {
  const torch::Tensor rows = torch::arange(3).view({3, 1});
  const TensorMap found = with_network_names(
      {{"roi_head.bbox_head.fc_cls.weight", rows}}, kDetector);
  EXPECT_TRUE(torch::equal(found[0].second, rows));
}

TEST(PublishedNamesTest, OldBoxesForAllClassesTogetherStay) {
  TensorMap source = old_box_head();
  source[2].second = torch::arange(4).view({4, 1});
  EXPECT_EQ(with_network_names(source, kDetector)[2].second.size(0), 4);
}

TEST(PublishedNamesTest, FindsAndDropsTheEarlyShortcut) {
  const torch::Tensor t = torch::ones({1});
  for (const std::string prefix : {"", "module.", "module.backbone."}) {
    const TensorMap source = {{prefix + "layer1.0.downsample.0.weight", t},
                              {prefix + "layer1.0.conv1.weight", t},
                              {prefix + "layer2.0.downsample.0.weight", t}};
    EXPECT_TRUE(has_early_shortcut(source));
    const TensorMap rest = without_early_shortcut(source);
    EXPECT_EQ(rest.size(), 2U);
    EXPECT_FALSE(has_early_shortcut(rest));
  }
}

}  // namespace
}  // namespace voxlift::trainer
