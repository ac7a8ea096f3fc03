#include "dataio/transform/photo_transform.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "dataio/encode/jpeg_encoder.h"
#include "dataio/encode/png_writer.h"
#include "dataio/transform/plane_order.h"
#include "dataio/transform/random_resized_crop.h"
#include "dataio/transform/resize.h"
#include "tests/dataio/made_jpeg.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;

RandomStream draws_of(uint64_t id) {
  return {7, Purpose::kAugment, 3, id};
}

std::vector<float> run(const PhotoTransform& transform, const Bytes& bytes,
                       uint64_t id = 0) {
  std::vector<float> out(static_cast<size_t>(transform.shape().num_elements()));
  RandomStream draws = draws_of(id);
  Workspace workspace;
  transform.apply(bytes, "x.jpg", draws, workspace, out);
  return out;
}

// A one-row picture with these greys.
Image row_image(const std::vector<uint8_t>& greys) {
  Image image{1, static_cast<int64_t>(greys.size()), {}};
  for (const uint8_t grey : greys) {
    image.rgb.insert(image.rgb.end(), {grey, grey, grey});
  }
  return image;
}

std::vector<float> resize_row(const std::vector<uint8_t>& greys,
                              const CropBox& source, int64_t width) {
  std::vector<float> out(static_cast<size_t>(3 * width));
  resize_bilinear(row_image(greys), {source, 1, width, {0, 0, 1, width}},
                  {0, 1, 2}, out);
  out.resize(static_cast<size_t>(width));
  return out;
}

TEST(ResizeTest, UsesHalfPixelCentresAndClampsEdges) {
  EXPECT_EQ(resize_row({0, 100}, {0, 0, 1, 2}, 4),
            (std::vector<float>{0, 25, 75, 100}));
}

TEST(ResizeTest, ShrinksWithoutAntialiasing) {
  EXPECT_EQ(resize_row({0, 10, 20, 30}, {0, 0, 1, 4}, 2),
            (std::vector<float>{5, 25}));
  EXPECT_EQ(resize_row({0, 10, 200, 30, 40, 50}, {0, 0, 1, 6}, 2),
            (std::vector<float>{10, 40}));
}

TEST(ResizeTest, KeepsEqualSizesAsTheyAre) {
  EXPECT_EQ(resize_row({9, 1, 7}, {0, 0, 1, 3}, 3),
            (std::vector<float>{9, 1, 7}));
}

TEST(ResizeTest, LooksAtNothingOutsideTheSource) {
  EXPECT_EQ(resize_row({255, 0, 100, 255}, {0, 1, 1, 2}, 4),
            (std::vector<float>{0, 25, 75, 100}));
}

TEST(ResizeTest, ComputesAWindowAsPartOfTheWhole) {
  const Image image = test::ramp_image(31, 47);
  const CropBox source = {2, 3, 25, 40};
  std::vector<float> whole(3 * 50 * 60);
  resize_bilinear(image, {source, 50, 60, {0, 0, 50, 60}}, {0, 1, 2}, whole);
  std::vector<float> part(3 * 10 * 20);
  resize_bilinear(image, {source, 50, 60, {7, 11, 10, 20}}, {0, 1, 2}, part);
  for (size_t c = 0; c < 3; ++c) {
    for (size_t y = 0; y < 10; ++y) {
      for (size_t x = 0; x < 20; ++x) {
        ASSERT_EQ(part[(c * 10 + y) * 20 + x],
                  whole[(c * 50 + y + 7) * 60 + x + 11]);
      }
    }
  }
}

TEST(ResizeTest, PutsPlanesWhereTold) {
  const Image image = test::plain_image(2, 2, {10, 20, 30});
  std::vector<float> out(12);
  resize_bilinear(image, {{0, 0, 2, 2}, 2, 2, {0, 0, 2, 2}}, {2, 0, 1}, out);
  EXPECT_EQ(out[0], 20);  // Green.
  EXPECT_EQ(out[4], 30);  // Blue.
  EXPECT_EQ(out[8], 10);  // Red.
}

TEST(ResizeTest, RefusesASourceOutsideThePicture) {
  std::vector<float> out(3);
  expect_error<InternalError>(
      [&] {
        resize_bilinear(row_image({1, 2}), {{0, 1, 1, 2}, 1, 1, {0, 0, 1, 1}},
                        {0, 1, 2}, out);
      },
      {"source outside the picture"});
}

TEST(CropTest, StaysInsideThePicture) {
  const PhotoTransformConfig config;
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{375, 500},
                                      {1, 1},
                                      {1, 5000},
                                      {3000, 1},
                                      {2, 3},
                                      {17, 400}}) {
    for (uint64_t id = 0; id < 200; ++id) {
      RandomStream draws = draws_of(id);
      const CropBox box = draw_crop(height, width, config, draws);
      ASSERT_GE(box.top, 0);
      ASSERT_GE(box.left, 0);
      ASSERT_GE(box.height, 1);
      ASSERT_GE(box.width, 1);
      ASSERT_LE(box.top + box.height, height);
      ASSERT_LE(box.left + box.width, width);
    }
  }
}

TEST(CropTest, DrawsAreasAndRatiosFromTheirRanges) {
  const PhotoTransformConfig config;
  double smallest = 1.0;
  double largest = 0.0;
  for (uint64_t id = 0; id < 2000; ++id) {
    RandomStream draws = draws_of(id);
    const CropBox box = draw_crop(1000, 1000, config, draws);
    const double area =
        static_cast<double>(box.height) * static_cast<double>(box.width) / 1e6;
    const double ratio =
        static_cast<double>(box.width) / static_cast<double>(box.height);
    smallest = std::min(smallest, area);
    largest = std::max(largest, area);
    ASSERT_GT(ratio, 0.745);
    ASSERT_LT(ratio, 1.342);
  }
  EXPECT_NEAR(smallest, 0.08, 0.005);
  EXPECT_GT(largest, 0.97);
}

TEST(CropTest, FallsBackToTheCentre) {
  EXPECT_EQ(central_crop(300, 400), (CropBox{0, 0, 300, 400}));
  EXPECT_EQ(central_crop(300, 1000), (CropBox{0, 300, 300, 400}));
  EXPECT_EQ(central_crop(1000, 300), (CropBox{300, 0, 400, 300}));
  // A strip on which no try can succeed.
  PhotoTransformConfig config;
  config.min_area_frac = config.max_area_frac = 1.0;
  RandomStream draws = draws_of(1);
  EXPECT_EQ(draw_crop(10, 1000, config, draws), central_crop(10, 1000));
}

TEST(CropTest, PlansTheEvaluationCrop) {
  const ResizePlan wide = plan_center_crop(375, 500, 256, 224);
  EXPECT_EQ(wide.height, 256);
  EXPECT_EQ(wide.width, 341);  // 341.33 truncated.
  // 58.5 rounds to the even 58.
  EXPECT_EQ(wide.window, (CropBox{16, 58, 224, 224}));
  const ResizePlan tall = plan_center_crop(500, 375, 256, 224);
  EXPECT_EQ(tall.height, 341);
  EXPECT_EQ(tall.width, 256);
  EXPECT_EQ(plan_center_crop(1, 1, 256, 224).window,
            (CropBox{16, 16, 224, 224}));
}

TEST(PlaneOrderTest, DrawsAllSixOrdersEquallyOften) {
  std::map<std::array<int, 3>, int> counts;
  for (uint64_t id = 0; id < 6000; ++id) {
    RandomStream draws = draws_of(id);
    ++counts[draw_plane_order(1.0, draws)];
  }
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts) {
    EXPECT_NEAR(count, 1000, 150);
  }
}

TEST(PlaneOrderTest, KeepsRgbWithoutShuffle) {
  RandomStream draws = draws_of(0);
  EXPECT_EQ(draw_plane_order(0.0, draws), (std::array<int, 3>{0, 1, 2}));
}

TEST(PhotoTransformTest, NormalisesPlanesInOrderForEvaluation) {
  const auto transform = make_photo_eval_transform({});
  EXPECT_EQ(transform->shape(), (SampleShape{1, 3, 224, 224}));
  const auto out =
      run(*transform, encode_png(test::plain_image(300, 400, {10, 20, 30})));
  for (size_t c = 0; c < 3; ++c) {
    const float wanted =
        (10.0F * static_cast<float>(c + 1) - 114.495F) / 57.63F;
    EXPECT_FLOAT_EQ(out[c * 224 * 224], wanted);
    EXPECT_FLOAT_EQ(out[(c + 1) * 224 * 224 - 1], wanted);
  }
}

TEST(PhotoTransformTest, DependsOnTheDrawsOnly) {
  const auto transform = make_photo_train_transform({});
  const Bytes bytes = encode_jpeg(test::ramp_image(300, 400));
  EXPECT_EQ(run(*transform, bytes, 5), run(*transform, bytes, 5));
  EXPECT_NE(run(*transform, bytes, 5), run(*transform, bytes, 6));
}

// Draws do not depend on flip_prob's value, so the crops are the same.
TEST(PhotoTransformTest, MirrorsLeftAndRight) {
  PhotoTransformConfig config;
  config.image_size = 8;
  config.eval_resize_short = 8;
  config.min_area_frac = 1.0;
  config.channel_shuffle_prob = 0.0;
  config.mean = 0.0;
  config.std = 1.0;
  const Image image = test::ramp_image(8, 8);
  config.flip_prob = 0.0;
  const auto plain = run(*make_photo_eval_transform(config), encode_png(image));
  EXPECT_EQ(plain[0], 0.0F);
  EXPECT_EQ(plain[7], 255.0F);
  for (uint64_t id = 0; id < 50; ++id) {
    config.flip_prob = 0.0;
    auto straight =
        run(*make_photo_train_transform(config), encode_png(image), id);
    config.flip_prob = 1.0;
    const auto mirrored =
        run(*make_photo_train_transform(config), encode_png(image), id);
    for (size_t row = 0; row < straight.size(); row += 8) {
      const auto first = straight.begin() + static_cast<std::ptrdiff_t>(row);
      std::reverse(first, first + 8);
    }
    ASSERT_EQ(straight, mirrored);
  }
}

// Peak 255.
double psnr_db(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  }
  return 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}

double worst_psnr_db(const Bytes& bytes, int64_t image_size) {
  PhotoTransformConfig config;
  config.image_size = image_size;
  config.mean = 0.0;
  config.std = 1.0;
  const auto fast = make_photo_train_transform(config);
  config.exact_decode = true;
  const auto exact = make_photo_train_transform(config);
  double worst = 100.0;
  for (uint64_t id = 0; id < 10; ++id) {
    worst =
        std::min(worst, psnr_db(run(*fast, bytes, id), run(*exact, bytes, id)));
  }
  return worst;
}

// At full size only the fixed-point weights differ; at a smaller one, a picture
// without fine detail looks the same.
TEST(PhotoTransformTest, DecodesFastWhatItDecodesExactly) {
  const Bytes noisy = test::styled_jpeg(test::noisy_image(300, 400), {});
  EXPECT_GT(worst_psnr_db(noisy, 224), 50.0);
  const Bytes smooth = test::styled_jpeg(test::ramp_image(600, 800), {});
  EXPECT_GT(worst_psnr_db(smooth, 100), 45.0);
}

TEST(PhotoTransformTest, DrawsTheSameForFastAndExactDecoding) {
  for (const bool exact : {false, true}) {
    PhotoTransformConfig config;
    config.exact_decode = exact;
    RandomStream draws = draws_of(4);
    Workspace workspace;
    std::vector<float> out(3 * 224 * 224);
    make_photo_train_transform(config)->apply(
        encode_jpeg(test::ramp_image(300, 400)), "x.jpg", draws, workspace,
        out);
    RandomStream wanted = draws_of(4);
    (void)draw_crop(300, 400, config, wanted);
    (void)wanted.bernoulli(0.5);
    (void)draw_plane_order(1.0, wanted);
    EXPECT_EQ(draws.next_u64(), wanted.next_u64());
  }
}

TEST(PhotoTransformTest, DecodesCmykAndGreyForTraining) {
  PhotoTransformConfig config;
  config.mean = 0.0;
  config.std = 1.0;
  const auto transform = make_photo_train_transform(config);
  const auto grey =
      run(*transform, test::plain_jpeg({.num_components = 1}, 30, 40, {120}));
  EXPECT_NEAR(grey[0], 120.0F, 1.0F);
  const auto cmyk = run(*transform, test::plain_jpeg({.num_components = 4}, 30,
                                                     40, {0, 0, 0, 128}));
  EXPECT_NEAR(cmyk[0], 127.0F, 1.0F);
}

TEST(PhotoTransformTest, AcceptsASinglePixel) {
  const Bytes bytes = encode_png(test::plain_image(1, 1, {50, 50, 50}));
  const float wanted = (50.0F - 114.495F) / 57.63F;
  for (const float value : run(*make_photo_train_transform({}), bytes)) {
    ASSERT_FLOAT_EQ(value, wanted);
  }
  for (const float value : run(*make_photo_eval_transform({}), bytes)) {
    ASSERT_FLOAT_EQ(value, wanted);
  }
}

TEST(PhotoTransformTest, NamesTheFileThatIsDamaged) {
  expect_error<DataError>(
      [] { run(*make_photo_train_transform({}), Bytes(3)); }, {"x.jpg"});
}

template <typename Change>
void expect_refused(Change change, std::initializer_list<std::string> parts) {
  PhotoTransformConfig config;
  change(config);
  expect_error<ConfigError>([&] { config.validate("train.photo"); }, parts);
}

TEST(PhotoTransformTest, RefusesFieldsOutOfRange) {
  PhotoTransformConfig().validate("train.photo");
  expect_refused([](auto& c) { c.image_size = 0; },
                 {"train.photo.image_size = 0", "1 to 4096", "nearest: 1"});
  expect_refused([](auto& c) { c.min_area_frac = 2.0; },
                 {"min_area_frac = 2", "nearest: 1"});
  expect_refused([](auto& c) { c.max_area_frac = 1.5; }, {"max_area_frac"});
  expect_refused([](auto& c) { c.flip_prob = NAN; }, {"flip_prob = nan"});
  expect_refused([](auto& c) { c.channel_shuffle_prob = -0.1; },
                 {"channel_shuffle_prob = -0.1", "nearest: 0"});
  expect_refused([](auto& c) { c.eval_resize_short = 100; },
                 {"eval_resize_short = 100", "nearest: 224"});
  expect_refused([](auto& c) { c.std = 0.0; }, {"std = 0"});
  expect_refused([](auto& c) { c.mean = INFINITY; }, {"mean = inf"});
}

}  // namespace
}  // namespace voxlift::dataio
