#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dataio/decode/decoder.h"
#include "dataio/encode/jpeg_encoder.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;

Image expect_plain(const Bytes& bytes, const std::array<uint8_t, 3>& color) {
  Image image = decode_image(bytes, "x.jpg");
  EXPECT_LE(test::max_difference(
                image, test::plain_image(image.height, image.width, color)),
            3);
  return image;
}

TEST(JpegTest, DecodesWhatTheEncoderWrote) {
  const Image ramp = test::ramp_image(75, 100);
  const Image image = decode_image(encode_jpeg(ramp, 95), "x.jpg");
  EXPECT_LE(test::max_difference(image, ramp), 24);
}

TEST(JpegTest, EncodesEqualPicturesToEqualBytes) {
  const Image ramp = test::ramp_image(33, 47);
  EXPECT_EQ(encode_jpeg(ramp, 80), encode_jpeg(ramp, 80));
  EXPECT_NE(encode_jpeg(ramp, 80), encode_jpeg(ramp, 81));
}

TEST(JpegTest, ConvertsGrey) {
  const Bytes bytes = test::plain_jpeg({.num_components = 1}, 9, 17, {120});
  const Image image = expect_plain(bytes, {120, 120, 120});
  EXPECT_EQ(image.height, 9);
  EXPECT_EQ(image.width, 17);
}

TEST(JpegTest, ConvertsYcbcr) {
  expect_plain(test::plain_jpeg({}, 8, 8, {76, 85, 255}), {254, 0, 0});
}

// Ink 0, 128, 255 and no black: red stays, green halves, blue goes.
TEST(JpegTest, ConvertsCmykWithAndWithoutAdobesInversion) {
  expect_plain(
      test::plain_jpeg({.num_components = 4}, 16, 16, {0, 128, 255, 0}),
      {255, 127, 0});
  expect_plain(test::plain_jpeg({.num_components = 4, .adobe = true}, 16, 16,
                                {255, 127, 0, 255}),
               {255, 127, 0});
}

TEST(JpegTest, DarkensCmykByItsBlack) {
  expect_plain(test::plain_jpeg({.num_components = 4}, 16, 16, {0, 0, 0, 128}),
               {127, 127, 127});
}

TEST(JpegTest, DecodesProgressive) {
  expect_plain(test::plain_jpeg({.progressive = true}, 40, 30, {90, 128, 128}),
               {90, 90, 90});
}

TEST(JpegTest, DecodesASinglePixel) {
  const Image image =
      expect_plain(encode_jpeg(test::plain_image(1, 1, {200, 100, 50}), 100),
                   {200, 100, 50});
  EXPECT_EQ(image.height * image.width, 1);
}

TEST(JpegTest, RejectsEveryTruncation) {
  const Bytes bytes = encode_jpeg(test::ramp_image(40, 60));
  for (size_t length = 4; length < bytes.size(); length += 7) {
    const Bytes cut(bytes.begin(), bytes.begin() + length);
    expect_error<DataError>([&] { (void)decode_image(cut, "cut.jpg"); },
                            {"cut.jpg: damaged JPEG: "});
  }
}

TEST(JpegTest, SaysThatTheFileEndsEarly) {
  const Bytes bytes = encode_jpeg(test::ramp_image(200, 200));
  const Bytes cut(bytes.begin(), bytes.begin() + bytes.size() / 2);
  expect_error<DataError>([&] { (void)decode_image(cut, "cut.jpg"); },
                          {"cut.jpg", "Premature end"});
}

TEST(JpegTest, ForgivesPaddingBeforeTheEndMarker) {
  Bytes bytes = encode_jpeg(test::plain_image(16, 16, {9, 99, 199}));
  bytes.insert(bytes.end() - 2, 5, std::byte{0});
  expect_plain(bytes, {9, 99, 199});
}

TEST(JpegTest, RejectsMorePixelsThanTheLimit) {
  const Bytes bytes = encode_jpeg(test::ramp_image(40, 60));
  DecodeLimits limits;
  limits.max_pixels = 2399;
  expect_error<DataError>([&] { (void)decode_image(bytes, "big.jpg", limits); },
                          {"big.jpg", "claims 40 x 60", "limit is 2399"});
  limits.max_pixels = 2400;
  EXPECT_EQ(decode_image(bytes, "big.jpg", limits).width, 60);
}

// A size far beyond what the bytes can hold must not reach the allocator.
TEST(JpegTest, RejectsASizeThatItsBytesCannotHold) {
  Bytes bytes = encode_jpeg(test::ramp_image(16, 16));
  const std::array marker = {std::byte{0xff}, std::byte{0xc0}};
  const auto sof =
      std::search(bytes.begin(), bytes.end(), marker.begin(), marker.end());
  ASSERT_NE(sof, bytes.end());
  sof[5] = sof[7] = std::byte{0x27};
  sof[6] = sof[8] = std::byte{0x10};
  expect_error<DataError>([&] { (void)decode_image(bytes, "bomb.jpg"); },
                          {"bomb.jpg", "claims 10000 x 10000", "cannot hold"});
}

TEST(JpegTest, RejectsTwoComponents) {
  Bytes bytes = test::plain_jpeg({.num_components = 1}, 8, 8, {1});
  const auto sof = std::find(bytes.begin(), bytes.end(), std::byte{0xc0});
  ASSERT_NE(sof, bytes.end());
  sof[2] = std::byte{14};  // Length: two components of three bytes.
  sof[8] = std::byte{2};
  bytes.insert(sof + 12, {std::byte{2}, std::byte{0x11}, std::byte{0}});
  expect_error<DataError>([&] { (void)decode_image(bytes, "two.jpg"); },
                          {"two.jpg", "2 components", "want 1"});
}

TEST(JpegTest, RejectsAProgressiveFileOfTooManyScans) {
  const Bytes bytes =
      test::plain_jpeg({.many_scans = true}, 16, 16, {90, 128, 128});
  expect_error<DataError>([&] { (void)decode_image(bytes, "scans.jpg"); },
                          {"scans.jpg: damaged JPEG: more than 200 scans"});
}

TEST(DecoderTest, RejectsWhatIsNoPicture) {
  const Bytes text = test::bytes_of(std::vector<char>{'h', 'e', 'l', 'l', 'o'});
  expect_error<DataError>(
      [&] { (void)decode_image(text, "a.jpg"); },
      {"a.jpg", "not a JPEG or PNG", "5 bytes", "68 65 6c 6c"});
  expect_error<DataError>([&] { (void)decode_volume(text, "a.nii"); },
                          {"a.nii", "not a NIfTI scan"});
}

TEST(DecoderTest, RejectsAnEmptyFile) {
  expect_error<DataError>([] { (void)decode_image({}, "e.jpg"); },
                          {"e.jpg", "empty"});
  expect_error<DataError>([] { (void)decode_volume({}, "e.nii"); },
                          {"e.nii", "empty"});
}

TEST(DecoderTest, TellsFormatsByTheirBytes) {
  const Image image = test::ramp_image(4, 4);
  EXPECT_EQ(detect_format(encode_jpeg(image)), Format::kJpeg);
  EXPECT_EQ(detect_format(test::gzipped({})), Format::kNiftiGz);
  EXPECT_EQ(detect_format({}), std::nullopt);
}

}  // namespace
}  // namespace voxlift::dataio
