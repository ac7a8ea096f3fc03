#include "trainer/detection/boxes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/detection/numeric_gradient.h"
#include "trainer/detection/anchors.h"

namespace voxlift::trainer {
namespace {

torch::Tensor some_boxes(int64_t count, double lowest = 0.0) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  const torch::Tensor low = lowest + 20.0 * torch::rand({count, 2}, options);
  return torch::cat({low, low + 1.0 + 10.0 * torch::rand({count, 2}, options)},
                    1);
}

TEST(PairwiseIouTest, MeasuresOverlap) {
  const torch::Tensor a = torch::tensor({{0.0, 0.0, 10.0, 10.0}});
  const torch::Tensor b = torch::tensor({{5.0, 0.0, 15.0, 10.0},
                                         {0.0, 0.0, 10.0, 10.0},
                                         {50.0, 50.0, 60.0, 60.0},
                                         {3.0, 3.0, 3.0, 3.0}});
  const torch::Tensor iou = pairwise_iou(a, b);
  EXPECT_TRUE(torch::allclose(
      iou, torch::tensor({{50.0 / 150.0, 1.0, 0.0, 0.0}}), 1e-6));
  const torch::Tensor iobb = pairwise_iobb(b, a);
  EXPECT_TRUE(torch::allclose(iobb.view(-1),
                              torch::tensor({0.5, 1.0, 0.0, 0.0}), 1e-6));
}

TEST(PairwiseIouTest, TakesNoBoxes) {
  EXPECT_EQ(pairwise_iou(torch::zeros({0, 4}), torch::zeros({3, 4})).sizes(),
            torch::IntArrayRef({0, 3}));
}

TEST(ClipBoxesTest, KeepsWhatIsInThePicture) {
  const torch::Tensor clipped = clip_boxes(
      torch::tensor({{-5.0, -1.0, 30.0, 40.0}, {25.0, 2.0, 28.0, 4.0}}),
      {.height = 10, .width = 20});
  EXPECT_TRUE(clipped.equal(
      torch::tensor({{0.0, 0.0, 20.0, 10.0}, {20.0, 2.0, 20.0, 4.0}})));
  EXPECT_TRUE(has_area(clipped).equal(torch::tensor({true, false})));
  EXPECT_FALSE(has_area(torch::full({1, 4}, NAN))[0].item<bool>());
}

TEST(BoxCoderTest, DecodesWhatItEncodes) {
  torch::manual_seed(1);
  const BoxCoder coder({0.1, 0.1, 0.2, 0.2});
  const torch::Tensor references = some_boxes(20);
  const torch::Tensor boxes = some_boxes(20, -5.0);
  const torch::Tensor deltas = coder.encode(references, boxes);
  EXPECT_TRUE(torch::allclose(coder.decode(references, deltas), boxes));
}

TEST(BoxCoderTest, EncodesAsPublished) {
  const BoxCoder coder({1.0, 1.0, 1.0, 1.0});
  const torch::Tensor deltas =
      coder.encode(torch::tensor({{0.0, 0.0, 10.0, 20.0}}),
                   torch::tensor({{5.0, 5.0, 25.0, 10.0}}));
  EXPECT_TRUE(torch::allclose(
      deltas, torch::tensor({{1.0, -0.125, std::log(2.0), std::log(0.25)}})));
}

TEST(BoxCoderTest, LimitsTheChangeOfLengths) {
  const BoxCoder coder({1.0, 1.0, 1.0, 1.0});
  const torch::Tensor box =
      coder.decode(torch::tensor({{0.0, 0.0, 16.0, 16.0}}),
                   torch::tensor({{0.0, 0.0, 50.0, -50.0}}));
  EXPECT_NEAR(box[0][2].item<double>() - box[0][0].item<double>(), 1000.0,
              1e-2);
  EXPECT_NEAR(box[0][3].item<double>() - box[0][1].item<double>(), 0.256, 1e-4);
}

TEST(BoxCoderTest, HasTheGradientOfItsFormula) {
  torch::manual_seed(2);
  const BoxCoder coder({0.1, 0.1, 0.2, 0.2});
  const torch::Tensor references = some_boxes(3);
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        return coder.decode(references, x).square().sum() * 1e-3;
      },
      torch::randn({3, 4}, torch::kFloat64));
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        return coder.encode(references, x).square().sum() * 1e-3;
      },
      some_boxes(3));
}

TEST(AnchorsTest, AreCentredOnMultiplesOfTheStride) {
  const torch::Tensor anchors = level_anchors({}, 1, 2, 3);  // Stride 8.
  ASSERT_EQ(anchors.sizes(), torch::IntArrayRef({18, 4}));
  const double root = std::sqrt(0.5);
  // Place (0, 0): wide, square, high; then place (0, 1).
  EXPECT_TRUE(torch::allclose(
      anchors.narrow(0, 0, 4),
      torch::tensor({{-16 / root, -16 * root, 16 / root, 16 * root},
                     {-16.0, -16.0, 16.0, 16.0},
                     {-16 * root, -16 / root, 16 * root, 16 / root},
                     {8 - 16 / root, -16 * root, 8 + 16 / root, 16 * root}})));
  // Place (1, 2), square.
  EXPECT_TRUE(
      torch::allclose(anchors[16], torch::tensor({0.0, -8.0, 32.0, 24.0})));
}

TEST(AnchorsTest, AreInsideOnlyAsAWhole) {
  const torch::Tensor inside =
      inside_image(torch::tensor({{0.0, 0.0, 9.5, 9.5},
                                  {-0.5, 0.0, 5.0, 5.0},
                                  {0.0, 0.0, 10.0, 5.0},
                                  {0.0, 0.0, 5.0, 21.0}}),
                   {.height = 20, .width = 10});
  EXPECT_TRUE(inside.equal(torch::tensor({true, false, false, false})));
}

}  // namespace
}  // namespace voxlift::trainer
