#include "dataio/overlay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace voxlift::dataio {
namespace {

Color at(const Image& image, int64_t y, int64_t x) {
  const uint8_t* pixel = image.pixel(y, x);
  return {pixel[0], pixel[1], pixel[2]};
}

bool is_grey(const Color& color) {
  return color[0] == color[1] && color[1] == color[2];
}

TEST(OverlayTest, GreyRunsFromBlackToWhiteWithinTheWindow) {
  const std::vector<float> voxels = {-5, 0, 5, 10, 20, NAN};
  const Image image = grey_slice(voxels, {2, 3, 2}, {0.0, 10.0});
  EXPECT_EQ(image.height, 4);
  EXPECT_EQ(image.width, 6);
  EXPECT_EQ(at(image, 0, 0), (Color{0, 0, 0}));
  EXPECT_EQ(at(image, 1, 5), (Color{128, 128, 128}));
  EXPECT_EQ(at(image, 2, 1), (Color{255, 255, 255}));
  EXPECT_EQ(at(image, 3, 3), (Color{255, 255, 255}));
  EXPECT_EQ(at(image, 3, 5), (Color{0, 0, 0}));
}

TEST(OverlayTest, AWindowLeavesOutTheTails) {
  std::vector<float> voxels(101);
  for (size_t i = 0; i < voxels.size(); ++i) {
    voxels[i] = static_cast<float>((i * 37) % 101);
  }
  voxels.push_back(NAN);
  const GreyWindow window = quantile_window(voxels, 0.05);
  EXPECT_EQ(window.low, 5.0);
  EXPECT_EQ(window.high, 95.0);
  const std::vector<float> none = {NAN, INFINITY};
  EXPECT_EQ(quantile_window(none, 0.05).high, 1.0);
  // One value only: black, not a division by zero.
  const std::vector<float> flat(4, 7.0F);
  const Image image = grey_slice(flat, {2, 2, 1}, quantile_window(flat, 0.05));
  EXPECT_EQ(at(image, 1, 1), (Color{0, 0, 0}));
}

// A block of 4 x 4 voxels of label 1 in a slice of 8 x 9.
TEST(OverlayTest, ColorsLieOnTheEdgeOfAMaskAndNowhereElse) {
  std::vector<uint8_t> labels(72);
  for (int64_t y = 2; y < 6; ++y) {
    std::fill_n(labels.begin() + 9 * y + 3, 4, uint8_t{1});
  }
  const SliceShape shape = {8, 9, 3};
  Image image = grey_slice(std::vector<float>(72, 0.5F), shape, {});
  outline_labels(labels, shape, image);
  for (int64_t y = 0; y < 24; ++y) {
    for (int64_t x = 0; x < 27; ++x) {
      const bool inside = y >= 6 && y < 18 && x >= 9 && x < 21;
      const bool edge = inside && (y == 6 || y == 17 || x == 9 || x == 20);
      EXPECT_EQ(at(image, y, x), edge ? class_color(1) : (Color{128, 128, 128}))
          << y << " " << x;
    }
  }
}

TEST(OverlayTest, NeighboursOfTwoClassesBothHaveAnEdge) {
  const std::vector<uint8_t> labels = {1, 1, 1, 2, 2, 2, 1, 1, 1,
                                       2, 2, 2, 1, 1, 1, 2, 2, 2};
  const SliceShape shape = {3, 6, 1};
  Image image = grey_slice(std::vector<float>(18), shape, {});
  outline_labels(labels, shape, image);
  EXPECT_EQ(at(image, 1, 2), class_color(1));
  EXPECT_EQ(at(image, 1, 3), class_color(2));
  EXPECT_TRUE(is_grey(at(image, 1, 1)));
  EXPECT_EQ(at(image, 1, 0), class_color(1));  // The end of the picture.
}

TEST(OverlayTest, ColorsOfEightClassesDiffer) {
  for (int64_t a = 0; a < 8; ++a) {
    EXPECT_FALSE(is_grey(class_color(a)));
    for (int64_t b = 0; b < a; ++b) {
      EXPECT_NE(class_color(a), class_color(b));
    }
  }
  EXPECT_EQ(class_color(8), class_color(0));
  EXPECT_EQ(class_color(255), class_color(7));
}

TEST(OverlayTest, ABoxIsAFrameWithItsText) {
  const SliceShape shape = {40, 40, 2};
  Image image = grey_slice(std::vector<float>(1600), shape, {});
  const Color color = class_color(2);
  outline_box({10.0, 12.5, 20.0, 30.0}, "0.87", color, shape, image);
  EXPECT_EQ(at(image, 20, 25), color);
  EXPECT_EQ(at(image, 39, 59), color);
  EXPECT_EQ(at(image, 20, 59), color);
  EXPECT_TRUE(is_grey(at(image, 40, 25)));
  EXPECT_TRUE(is_grey(at(image, 30, 40)));
  bool text = false;
  for (int64_t x = 25; x < 59; ++x) {
    text = text || at(image, 12, x) == color;
  }
  EXPECT_TRUE(text);
}

TEST(OverlayTest, WhatLiesBeyondThePictureIsCut) {
  const SliceShape shape = {10, 10, 1};
  Image image = grey_slice(std::vector<float>(100), shape, {});
  outline_box({-1e6, -5.0, 4.0, 1e6}, "0.10", class_color(0), shape, image);
  EXPECT_EQ(at(image, 3, 9), class_color(0));
  EXPECT_TRUE(is_grey(at(image, 4, 9)));
}

}  // namespace
}  // namespace voxlift::dataio
