#include "dataio/source/bcv.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::TempDir;

std::vector<int> numbers() {
  std::vector<int> result;
  for (int n = 1; n <= 40; ++n) {
    if (n <= 10 || n > 20) {
      result.push_back(n);
    }
  }
  return result;
}

void write_arrays(const TempDir& dir) {
  std::string list;
  for (const int n : numbers()) {
    list += str_cat("bcv_", n, ".npz\n");
    dir.write(str_cat("images/bcv_", n, ".npz"), "");
  }
  dir.write("all_files.txt", list);
}

TEST(BcvTest, HasThePublishedParts) {
  const TempDir dir;
  write_arrays(dir);
  const Manifest train = list_bcv(dir.path(), "train");
  EXPECT_EQ(train.entries.size(), 24U);
  EXPECT_EQ(train.entries[10].id, "images/bcv_21.npz");
  EXPECT_EQ(train.mask_classes.size(), 14U);
  EXPECT_EQ(train.mask_classes[13], "adrenal_gland_left");
  for (const char* split : {"val", "test"}) {
    const Manifest held_out = list_bcv(dir.path(), split);
    ASSERT_EQ(held_out.entries.size(), 6U);
    EXPECT_EQ(held_out.entries[0].id, "images/bcv_35.npz");
  }
  EXPECT_EQ(list_bcv(dir.path(), "all").entries.size(), 30U);
}

TEST(BcvTest, SaysHowTheArraysLie) {
  const TempDir dir;
  write_arrays(dir);
  const Manifest train = list_bcv(dir.path(), "train");
  const VolumeEntry& volume = *train.entries[0].volume;
  EXPECT_EQ(volume.image.part, "voxel");
  EXPECT_EQ(volume.image.axes, ArrayAxes::kHWD);
  EXPECT_EQ(volume.mask->part, "answer1");
  EXPECT_EQ(volume.mask->axes, ArrayAxes::kHWD);
  EXPECT_FALSE(volume.image.spacing_mm);
}

TEST(BcvTest, RejectsABadList) {
  const TempDir dir;
  write_arrays(dir);
  const auto expect_refused = [&](const std::string& list,
                                  std::initializer_list<std::string> parts) {
    dir.write("all_files.txt", list);
    expect_error<DataError>([&] { list_bcv(dir.path(), "train"); }, parts);
  };
  expect_refused("bcv_1.npz\n../x.npz\n", {"all_files.txt:2", "'../x.npz'"});
  expect_refused("bcv_1.npz\n\nbcv_1.npz\n",
                 {"all_files.txt:3", "already in line 1"});
  expect_refused("bcv_11.npz\n", {"all_files.txt:1", "no file", "bcv_11.npz"});
  expect_refused("bcv_36.npz\n", {dir.path(), "no volume for train"});
}

TEST(BcvTest, ListsTheLayoutAsDistributed) {
  const TempDir dir;
  for (const char* n : {"0001", "0034", "0035"}) {
    dir.write(str_cat("imagesTr/img", n, ".nii.gz"), "");
    dir.write(str_cat("labelsTr/label", n, ".nii.gz"), "");
  }
  const Manifest train = list_bcv(dir.path(), "train");
  ASSERT_EQ(train.entries.size(), 2U);
  EXPECT_EQ(train.entries[1].id, "imagesTr/img0034.nii.gz");
  EXPECT_EQ(train.entries[1].volume->mask->path,
            dir.file("labelsTr/label0034.nii.gz"));
  EXPECT_EQ(list_bcv(dir.path(), "test").entries.size(), 1U);
  RealFiles().remove_all(dir.file("labelsTr/label0035.nii.gz"));
  expect_error<DataError>([&] { list_bcv(dir.path(), "test"); },
                          {"img0035.nii.gz", "no label of the number 35"});
}

TEST(BcvTest, RejectsAnotherFolderOrSplit) {
  const TempDir dir;
  expect_error<DataError>([&] { list_bcv(dir.path(), "train"); },
                          {dir.path(), "neither all_files.txt nor imagesTr"});
  expect_error<ConfigError>([&] { list_bcv(dir.path(), "trian"); },
                            {"nearest: train"});
}

}  // namespace
}  // namespace voxlift::dataio
