#include "dataio/decode/jpeg_region.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/files.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/decode/decoder.h"
#include "dataio/decode/jpeg_cut.h"
#include "dataio/encode/jpeg_restarts.h"
#include "tests/dataio/made_jpeg.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using test::JpegStyle;
using voxlift::test::expect_error;

const std::string kOrigin = "x.jpg";

Image read_region(const Bytes& bytes, const JpegRegion& region) {
  JpegRegionReader reader(bytes, kOrigin);
  std::vector<uint8_t> buffer;
  Bytes part;
  reader.start(region, buffer, part);
  Image image{region.box.height, region.box.width, {}};
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* row = reader.row(region.box.top + y);
    image.rgb.insert(image.rgb.end(), row, row + 3 * image.width);
  }
  return image;
}

Image read_whole(const Bytes& bytes, int scale) {
  JpegRegionReader reader(bytes, kOrigin);
  const auto scaled = [&](int64_t n) { return (n * scale + 7) / 8; };
  return read_region(
      bytes, {scale, {0, 0, scaled(reader.height()), scaled(reader.width())}});
}

Image cut(const Image& whole, const CropBox& box) {
  Image part{box.height, box.width, {}};
  for (int64_t y = 0; y < box.height; ++y) {
    const uint8_t* row = whole.pixel(box.top + y, box.left);
    part.rgb.insert(part.rgb.end(), row, row + 3 * box.width);
  }
  return part;
}

CropBox random_box(const Image& whole, RandomStream& draws) {
  CropBox box;
  box.height = draws.uniform_int(1, whole.height);
  box.width = draws.uniform_int(1, whole.width);
  box.top = draws.uniform_int(0, whole.height - box.height);
  box.left = draws.uniform_int(0, whole.width - box.width);
  return box;
}

// Regions of `bytes` at all fast scales against the same parts of the whole.
void expect_equal_to_the_whole(const Bytes& bytes, int num_boxes) {
  RandomStream draws(3, Purpose::kAugment, 0, bytes.size());
  ASSERT_EQ(read_whole(bytes, 8).rgb, decode_image(bytes, kOrigin).rgb);
  for (const int scale : {1, 2, 4, 8}) {
    const Image whole = read_whole(bytes, scale);
    for (int i = 0; i < num_boxes; ++i) {
      const CropBox box = random_box(whole, draws);
      ASSERT_EQ(read_region(bytes, {scale, box}).rgb, cut(whole, box).rgb)
          << "scale " << scale << ", box " << box.top << " " << box.left << " "
          << box.height << " " << box.width;
    }
  }
}

TEST(JpegRegionTest, EqualsThatPartOfTheWholePicture) {
  const Image image = test::noisy_image(117, 93);
  for (const JpegStyle& style :
       {JpegStyle{}, JpegStyle{.across = 1, .down = 1},
        JpegStyle{.across = 2, .down = 1}, JpegStyle{.across = 1, .down = 2},
        JpegStyle{.grey = true}, JpegStyle{.progressive = true},
        JpegStyle{.across = 1, .down = 1, .progressive = true},
        JpegStyle{.restart_rows = 1}, JpegStyle{.across = 4, .down = 1}}) {
    SCOPED_TRACE(str_cat(style.across, "x", style.down, " grey ", style.grey,
                         " progressive ", style.progressive));
    expect_equal_to_the_whole(test::styled_jpeg(image, style), 40);
  }
}

TEST(JpegRegionTest, EqualsThatPartOfRealPhotographs) {
  for (const std::string name :
       {"imagenet_originals/n01531178_goldfinch.JPEG",
        "imagenet_originals/n03196217_digital_clock.JPEG",
        "imagenette224/train/n03445777/n03445777_759.JPEG"}) {
    const std::string path = voxlift::test::shared_data("data/natural/" + name);
    if (path.empty()) {
      GTEST_SKIP() << voxlift::test::shared_data_missing("data/natural/" +
                                                         name);
    }
    const Bytes bytes = test::file_bytes(path);
    expect_equal_to_the_whole(bytes, 5);
    const auto restarted = add_jpeg_restarts(bytes);
    ASSERT_TRUE(restarted.has_value());
    EXPECT_EQ(decode_image(*restarted, kOrigin).rgb,
              decode_image(bytes, kOrigin).rgb);
    EXPECT_LT(restarted->size(), bytes.size() * 11 / 10);
    expect_equal_to_the_whole(*restarted, 20);
  }
}

TEST(JpegRegionTest, EqualsThatPartWhereRestartsLetItBeCutOut) {
  // 120 is 15 units of 8 and 7.5 of 16: with and without a ragged edge.
  const Image image = test::noisy_image(117, 120);
  for (const JpegStyle& style :
       {JpegStyle{}, JpegStyle{.across = 1, .down = 1},
        JpegStyle{.across = 2, .down = 1}, JpegStyle{.across = 1, .down = 2},
        JpegStyle{.grey = true}, JpegStyle{.progressive = true},
        JpegStyle{.across = 4, .down = 1}}) {
    SCOPED_TRACE(str_cat(style.across, "x", style.down, " grey ", style.grey,
                         " progressive ", style.progressive));
    const auto bytes = add_jpeg_restarts(test::styled_jpeg(image, style));
    ASSERT_TRUE(bytes.has_value());
    expect_equal_to_the_whole(*bytes, 40);
  }
}

TEST(JpegCutTest, TakesNoMoreThanTheUnitsAround) {
  const auto bytes = add_jpeg_restarts(
      test::styled_jpeg(test::noisy_image(160, 240), {.across = 1, .down = 1}));
  ASSERT_TRUE(bytes.has_value());
  Bytes part;
  CropBox kept;
  // 30 units across in intervals of 6.
  ASSERT_TRUE(cut_jpeg(*bytes, {80, 100, 16, 8}, part, kept));
  EXPECT_EQ(kept, (CropBox{80, 96, 16, 48}));
  EXPECT_LT(part.size(), bytes->size() / 10);
  EXPECT_EQ(decode_image(part, kOrigin).rgb,
            cut(decode_image(*bytes, kOrigin), kept).rgb);
}

TEST(JpegCutTest, LeavesFilesWithoutRestartsAlone) {
  Bytes part;
  CropBox kept;
  EXPECT_FALSE(cut_jpeg(test::styled_jpeg(test::noisy_image(64, 64), {}),
                        {0, 0, 8, 8}, part, kept));
}

// Any change of a byte and any cut is refused, or makes a file that libjpeg
// reads or refuses.
TEST(JpegCutTest, SurvivesDamage) {
  const auto good =
      add_jpeg_restarts(test::styled_jpeg(test::noisy_image(48, 64), {}));
  ASSERT_TRUE(good.has_value());
  RandomStream draws(5, Purpose::kAugment, 0, 0);
  for (int i = 0; i < 2000; ++i) {
    Bytes bad = *good;
    const auto last = static_cast<int64_t>(bad.size()) - 1;
    bad[static_cast<size_t>(draws.uniform_int(0, last))] =
        static_cast<std::byte>(draws.uniform_int(0, 255));
    if (i % 3 == 0) {
      bad.resize(static_cast<size_t>(draws.uniform_int(0, last)));
    }
    Bytes part;
    CropBox kept;
    if (cut_jpeg(bad, {8, 8, 20, 20}, part, kept)) {
      try {
        (void)decode_image(part, kOrigin);
      } catch (const DataError&) {
      }
    }
  }
}

TEST(JpegRestartsTest, LeavesAloneWhatItCannotKeep) {
  EXPECT_FALSE(add_jpeg_restarts(as_bytes("no picture")).has_value());
  Bytes cut_short = test::styled_jpeg(test::noisy_image(64, 64), {});
  cut_short.resize(cut_short.size() / 2);
  EXPECT_FALSE(add_jpeg_restarts(cut_short).has_value());
}

TEST(JpegRegionTest, ReadsNothingBelowTheRegion) {
  const Bytes bytes =
      test::styled_jpeg(test::noisy_image(200, 100), {.restart_rows = 1});
  const Image whole = decode_image(bytes, kOrigin);
  const Bytes half(
      bytes.begin(),
      bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size()) / 2);
  const CropBox upper = {10, 20, 50, 60};
  EXPECT_EQ(read_region(half, {8, upper}).rgb, cut(whole, upper).rgb);
}

TEST(JpegRegionTest, SaysThatTheFileEndsInsideTheRegion) {
  const Bytes bytes = test::styled_jpeg(test::noisy_image(200, 100), {});
  const Bytes half(
      bytes.begin(),
      bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size()) / 2);
  for (const int64_t top : {0, 150}) {
    expect_error<DataError>(
        [&] {
          (void)read_region(half, {8, {top, 0, 200 - top, 100}});
        },
        {"x.jpg: damaged JPEG: ", "Premature end"});
  }
}

TEST(JpegRegionTest, RefusesAnEmptyFile) {
  expect_error<DataError>([] { JpegRegionReader({}, "a.jpg"); },
                          {"a.jpg", "no bytes"});
}

TEST(JpegRegionTest, LeavesCmykToTheWholeDecoder) {
  const Bytes bytes =
      test::plain_jpeg({.num_components = 4}, 16, 16, {0, 128, 255, 0});
  EXPECT_FALSE(JpegRegionReader(bytes, kOrigin).gives_rgb());
}

TEST(JpegRegionTest, RefusesMorePixelsThanTheLimit) {
  const Bytes bytes = test::styled_jpeg(test::noisy_image(40, 60), {});
  DecodeLimits limits;
  limits.max_pixels = 2399;
  expect_error<DataError>([&] { JpegRegionReader(bytes, kOrigin, limits); },
                          {"x.jpg", "claims 40 x 60", "limit is 2399"});
}

TEST(JpegRegionTest, RefusesARegionOutsideThePicture) {
  const Bytes bytes = test::styled_jpeg(test::noisy_image(40, 60), {});
  expect_error<InternalError>(
      [&] {
        (void)read_region(bytes, {8, {0, 1, 40, 60}});
      },
      {"region outside the picture"});
  expect_error<InternalError>(
      [&] {
        (void)read_region(bytes, {4, {0, 0, 21, 30}});
      },
      {"region outside the picture"});
}

TEST(JpegRegionTest, RefusesARowOutsideTheRegion) {
  const Bytes bytes = test::styled_jpeg(test::noisy_image(60, 60), {});
  JpegRegionReader reader(bytes, kOrigin);
  std::vector<uint8_t> buffer;
  Bytes part;
  reader.start({8, {10, 10, 40, 40}}, buffer, part);
  for (const int64_t y : {9, 50}) {
    expect_error<InternalError>([&] { (void)reader.row(y); },
                                {"row outside the region"});
  }
}

}  // namespace
}  // namespace voxlift::dataio
