#include "dataio/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dataio/glyphs.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using Color = std::array<uint8_t, 3>;

Color at(const Image& image, int64_t y, int64_t x) {
  const uint8_t* pixel = image.pixel(y, x);
  return {pixel[0], pixel[1], pixel[2]};
}

TEST(ContactSheetTest, TilesCellsLeftToRightAndDown) {
  const std::vector<Image> cells = {test::plain_image(10, 10, {255, 0, 0}),
                                    test::plain_image(10, 10, {0, 255, 0}),
                                    test::plain_image(10, 10, {0, 0, 255})};
  const Image sheet = contact_sheet(cells, {2, 20, 4});
  EXPECT_EQ(sheet.height, 4 + 2 * 24);
  EXPECT_EQ(sheet.width, 4 + 2 * 24);
  EXPECT_EQ(at(sheet, 14, 14), (Color{255, 0, 0}));
  EXPECT_EQ(at(sheet, 14, 38), (Color{0, 255, 0}));
  EXPECT_EQ(at(sheet, 38, 14), (Color{0, 0, 255}));
  EXPECT_EQ(at(sheet, 38, 38), at(sheet, 0, 0));
}

TEST(ContactSheetTest, KeepsProportions) {
  const std::vector<Image> cells = {test::plain_image(10, 40, {255, 0, 0})};
  const Image sheet = contact_sheet(cells, {1, 40, 0});
  EXPECT_EQ(at(sheet, 20, 0), (Color{255, 0, 0}));
  EXPECT_NE(at(sheet, 10, 20), (Color{255, 0, 0}));
}

TEST(ContactSheetTest, WritesCaptions) {
  const std::vector<Image> cells = {test::plain_image(10, 10, {0, 0, 0})};
  const Image plain = contact_sheet(cells, {1, 64, 0}, {""});
  const Image named = contact_sheet(cells, {1, 64, 0}, {"n01 cat"});
  EXPECT_EQ(plain.height, named.height);
  EXPECT_NE(plain.rgb, named.rgb);
}

TEST(ContactSheetTest, WantsACaptionForEachCell) {
  const std::vector<Image> cells = {test::plain_image(10, 10, {0, 0, 0})};
  voxlift::test::expect_error<InternalError>(
      [&] {
        (void)contact_sheet(cells, {}, {"a", "b"});
      },
      {"a caption for each cell"});
}

TEST(GlyphsTest, DrawsAndCutsAtTheEdge) {
  Image image = test::plain_image(5, 4, {0, 0, 0});
  draw_text(image, 0, 0, "1111", 1, {255, 255, 255});
  EXPECT_EQ(at(image, 0, 1), (Color{255, 255, 255}));
  EXPECT_EQ(at(image, 0, 0), (Color{0, 0, 0}));
  draw_text(image, -3, -2, "8\xff", 3, {255, 255, 255});
}

TEST(PlanesToImageTest, UndoesTheNormalisation) {
  const std::vector<float> sample = {0.0F, 1.0F, -1.0F};
  const Image image = planes_to_image(sample, {1, 3, 1, 1}, 100.0, 50.0);
  EXPECT_EQ(at(image, 0, 0), (Color{100, 150, 50}));
}

TEST(PlanesToImageTest, ShowsTheMiddleSliceOfAVolume) {
  std::vector<float> sample(4 * 2, -7.0F);
  sample[4] = 1.0F;
  sample[5] = 3.0F;
  sample[0] = 5.0F;
  const Image image = planes_to_image(sample, {1, 4, 1, 2}, 0.0, 1.0);
  EXPECT_EQ(at(image, 0, 0), (Color{170, 170, 170}));
  EXPECT_EQ(at(image, 0, 1)[0], 213);  // 255 * 10 / 12 = 212.5.
}

TEST(MiddleSliceTest, SurvivesVoxelsThatAreNotFinite) {
  Volume volume;
  volume.shape = {1, 1, 3};
  volume.voxels = {NAN, 1.0F, 2.0F};
  const Image image = middle_slice(volume);
  EXPECT_EQ(at(image, 0, 0)[0], 0);
  EXPECT_EQ(at(image, 0, 2)[0], 255);
}

}  // namespace
}  // namespace voxlift::dataio
