#include <gtest/gtest.h>
#include <png.h>

#include "dataio/decode/decoder.h"
#include "dataio/encode/png_writer.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;
using Color = std::array<uint8_t, 3>;

Color first_pixel(const Bytes& bytes) {
  const Image image = decode_image(bytes, "x.png");
  EXPECT_EQ(image.height, 16);
  EXPECT_EQ(image.width, 16);
  const uint8_t* pixel = image.pixel(15, 0);
  return {pixel[0], pixel[1], pixel[2]};
}

std::vector<uint8_t> repeat(const std::vector<uint8_t>& values, int times) {
  std::vector<uint8_t> row;
  for (int i = 0; i < times; ++i) {
    row.insert(row.end(), values.begin(), values.end());
  }
  return row;
}

TEST(PngTest, DecodesWhatTheWriterWroteExactly) {
  const Image ramp = test::ramp_image(37, 91);
  const Image image = decode_image(encode_png(ramp), "x.png");
  EXPECT_EQ(image.rgb, ramp.rgb);
  EXPECT_EQ(encode_png(ramp), encode_png(image));
}

TEST(PngTest, ReducesSixteenBitsToEight) {
  const auto row = repeat({0x80, 0x00, 0xff, 0xff, 0x00, 0x00}, 16);
  EXPECT_EQ(first_pixel(test::made_png({PNG_COLOR_TYPE_RGB, 16}, row)),
            (Color{128, 255, 0}));
}

TEST(PngTest, ConvertsGreyOfOneAndOfSixteenBits) {
  EXPECT_EQ(
      first_pixel(test::made_png({PNG_COLOR_TYPE_GRAY, 1}, repeat({0xaa}, 2))),
      (Color{255, 255, 255}));
  EXPECT_EQ(first_pixel(test::made_png({PNG_COLOR_TYPE_GRAY, 16},
                                       repeat({0x40, 0x00}, 16))),
            (Color{64, 64, 64}));
}

// Its length asks for 2 GB, which libpng would take before it reads on.
TEST(PngTest, PassesOverTextThatClaimsMoreThanTheFile) {
  Bytes bytes = encode_png(test::ramp_image(4, 4));
  const Bytes text = test::bytes_of<uint8_t>(
      {0x77, 0x00, 0x00, 0x12, 'z', 'T', 'X', 't', 'a', 0, 0, 1});
  bytes.insert(bytes.begin() + 33, text.begin(), text.end());
  expect_error<DataError>([&] { (void)decode_image(bytes, "x.png"); },
                          {"x.png", "ends early"});
}

TEST(PngTest, LooksPalettesUp) {
  EXPECT_EQ(first_pixel(
                test::made_png({PNG_COLOR_TYPE_PALETTE, 4}, repeat({0x35}, 8))),
            (Color{30, 60, 90}));
}

TEST(PngTest, DropsAlphaAndKeepsTheColourUnderIt) {
  EXPECT_EQ(first_pixel(test::made_png({PNG_COLOR_TYPE_RGB_ALPHA, 8},
                                       repeat({10, 20, 30, 0}, 16))),
            (Color{10, 20, 30}));
}

TEST(PngTest, DecodesInterlaced) {
  EXPECT_EQ(first_pixel(test::made_png({PNG_COLOR_TYPE_RGB, 8, true},
                                       repeat({10, 20, 30}, 16))),
            (Color{10, 20, 30}));
}

TEST(PngTest, RejectsEveryTruncation) {
  const Bytes bytes = encode_png(test::ramp_image(20, 20));
  for (size_t length = 8; length < bytes.size(); length += 3) {
    const Bytes cut(bytes.begin(), bytes.begin() + length);
    expect_error<DataError>([&] { (void)decode_image(cut, "cut.png"); },
                            {"cut.png: damaged PNG: "});
  }
}

TEST(PngTest, RejectsAFlippedBitInThePixels) {
  Bytes bytes = encode_png(test::ramp_image(20, 20));
  bytes[bytes.size() / 2] ^= std::byte{4};
  expect_error<DataError>([&] { (void)decode_image(bytes, "bit.png"); },
                          {"bit.png: damaged PNG: "});
}

TEST(PngTest, RejectsMorePixelsThanTheLimit) {
  const Bytes bytes = encode_png(test::ramp_image(20, 30));
  DecodeLimits limits;
  limits.max_pixels = 599;
  expect_error<DataError>([&] { (void)decode_image(bytes, "big.png", limits); },
                          {"big.png", "claims 20 x 30", "limit is 599"});
}

}  // namespace
}  // namespace voxlift::dataio
