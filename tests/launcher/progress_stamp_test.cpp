#include "launcher/launch/progress_stamp.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

TEST(ProgressStampTest, FindsTheNewestCheckpoint) {
  const test::TempDir dir;
  EXPECT_EQ(newest_checkpoint(dir.path()), "");
  dir.write("step_00000009/manifest.json", "{}");
  dir.write("checkpoints/step_00000120/manifest.json", "{}");
  dir.write("step_00000999.tmp/manifest.json", "{}");
  dir.write("step_/x", "");
  EXPECT_EQ(newest_checkpoint(dir.path()), "step_00000120");
}

TEST(ProgressStampTest, HasNoCheckpointWithoutAFolder) {
  EXPECT_EQ(newest_checkpoint("/nonexistent/folder"), "");
  EXPECT_EQ(newest_checkpoint(""), "");
}

TEST(ProgressStampTest, ChangesWhenAFileGrows) {
  const test::TempDir dir;
  dir.write("steps.jsonl", "{}\n");
  const std::string before = activity_stamp(dir.path());
  EXPECT_EQ(activity_stamp(dir.path()), before);
  dir.write("steps.jsonl", "{}\n{}\n");
  EXPECT_NE(activity_stamp(dir.path()), before);
}

}  // namespace
}  // namespace voxlift::launcher
