#include "dataio/source/lits.h"

#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::TempDir;

// All 131 volumes, in two folders.
class LitsTest : public testing::Test {
 protected:
  LitsTest() {
    for (int n = 0; n < 131; ++n) {
      const char* batch = n < 28 ? "Training Batch 1" : "Training Batch 2";
      dir_.write(str_cat(batch, "/volume-", n, ".nii"), "");
      dir_.write(str_cat(batch, "/segmentation-", n, ".nii.gz"), "");
    }
  }

  void expect_refused(const std::string& split,
                      std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list_lits(dir_.path(), split); }, parts);
  }

  TempDir dir_;
};

TEST_F(LitsTest, HasThePublishedParts) {
  std::set<std::string> met;
  for (const auto& [split, count] :
       {std::pair<const char*, size_t>{"train", 105},
        {"val", 13},
        {"test", 13}}) {
    const Manifest manifest = list_lits(dir_.path(), split);
    EXPECT_EQ(manifest.entries.size(), count);
    for (const SourceEntry& entry : manifest.entries) {
      EXPECT_TRUE(met.insert(entry.id).second) << entry.id;
    }
  }
  EXPECT_EQ(met.size(), 131U);
  EXPECT_EQ(list_lits(dir_.path(), "val").entries[0].id, "volume-34");
  EXPECT_EQ(list_lits(dir_.path(), "test").entries[12].id, "volume-19");
  EXPECT_EQ(list_lits(dir_.path(), "all").entries.size(), 131U);
}

TEST_F(LitsTest, PairsVolumesWithTheirMasks) {
  const Manifest train = list_lits(dir_.path(), "train");
  EXPECT_EQ(train.mask_classes,
            (std::vector<std::string>{"background", "liver", "tumour"}));
  EXPECT_EQ(train.classes, (std::vector<std::string>{"scan"}));
  const VolumeEntry& first = *train.entries[0].volume;
  EXPECT_EQ(base_name(first.image.path), "volume-1.nii");
  EXPECT_EQ(base_name(first.mask->path), "segmentation-1.nii.gz");
  EXPECT_EQ(list_lits(dir_.path(), "val", {"background", "liver"})
                .mask_classes.size(),
            2U);
}

TEST_F(LitsTest, RejectsWhatIsMissing) {
  RealFiles().remove_all(dir_.file("Training Batch 2/volume-110.nii"));
  expect_refused("val", {dir_.path(), "no volume-110.nii"});
  EXPECT_EQ(list_lits(dir_.path(), "train").ignored.size(), 1U);
  RealFiles().remove_all(dir_.file("Training Batch 1/segmentation-1.nii.gz"));
  expect_refused("train", {"no segmentation-1.nii"});
  const TempDir empty;
  expect_error<DataError>([&] { list_lits(empty.path(), "train"); },
                          {empty.path(), "no volume-N.nii"});
  expect_error<ConfigError>([&] { list_lits(dir_.path(), "tset"); },
                            {"nearest: test"});
}

TEST_F(LitsTest, RejectsTwoFilesOfOneNumber) {
  dir_.write("Training Batch 2/volume-3.nii", "");
  expect_refused("train", {"Batch 1/volume-3.nii", "Batch 2/volume-3.nii",
                           "have the number 3"});
  RealFiles().remove_all(dir_.file("Training Batch 2/volume-3.nii"));
  dir_.write("Training Batch 1/volume-03.nii.gz", "");
  expect_refused("train",
                 {"'volume-03.nii.gz'", "'volume-3.nii'", "have the number 3"});
}

}  // namespace
}  // namespace voxlift::dataio
