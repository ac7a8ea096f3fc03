#include "dataio/synth_boxes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "dataio/source/coco.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;

TEST(SynthBoxesTest, DrawsBrightSquaresWhereItSays) {
  const SynthBoxesConfig config;
  for (int64_t i = 0; i < 8; ++i) {
    const BoxedImage made = synth_boxed_image(config, "train", i);
    EXPECT_EQ(std::max(made.image.width, made.image.height), 64);
    ASSERT_EQ(made.boxes.size(), static_cast<size_t>(1 + i % 2));
    for (const LabelledBox& box : made.boxes) {
      const auto x = static_cast<int64_t>(box.low[2]);
      const auto y = static_cast<int64_t>(box.low[1]);
      EXPECT_EQ(made.image.pixel(y, x)[0], 220);
      EXPECT_EQ(box.high[1] - box.low[1], box.high[2] - box.low[2]);
      EXPECT_LE(box.high[2], static_cast<double>(made.image.width));
    }
  }
  const auto pixels = [&](const char* split) {
    return synth_boxed_image(config, split, 3).image.rgb;
  };
  EXPECT_EQ(pixels("train"), pixels("train"));
  EXPECT_NE(pixels("train"), pixels("val"));
}

TEST(SynthBoxesTest, WritesListsThatAreRead) {
  const voxlift::test::TempDir temp;
  const SynthBoxesConfig config = {.train = 3, .val = 2};
  int64_t last = 0;
  write_synth_boxes(temp.file("made"), config,
                    [&](int64_t done, int64_t total) {
                      EXPECT_EQ(total, 5);
                      last = done;
                    });
  EXPECT_EQ(last, 5);
  const Manifest manifest = list_coco(temp.file("made/train.json"), "");
  ASSERT_EQ(manifest.entries.size(), 3U);
  EXPECT_EQ(manifest.entries[1].volume->boxes.size(), 2U);
  EXPECT_EQ(manifest.box_classes, std::vector<std::string>{"square"});
  expect_error<ConfigError>(
      [&] { write_synth_boxes(temp.file("made"), config); },
      {"train.json' exists", "another folder"});
}

TEST(SynthBoxesTest, NamesTheBadField) {
  const auto refused = [](SynthBoxesConfig config, const std::string& what) {
    expect_error<ConfigError>([&] { config.validate("synth"); }, {what});
  };
  refused({.train = 0}, "synth.train = 0, want 1 to");
  refused({.val = -1}, "synth.val = -1, want 1 to");
  refused({.size = 8}, "synth.size = 8, want 16 to 4096");
}

}  // namespace
}  // namespace voxlift::dataio
