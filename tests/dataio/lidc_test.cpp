#include "dataio/source/lidc.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/split.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

// Six nodules of three patients, of every malignancy; number 4 of the second
// patient's scan is in no list.
class LidcTest : public testing::Test {
 protected:
  LidcTest() {
    write_info(
        "lidc1_1,LIDC-IDRI-0001,5\nlidc1_2,LIDC-IDRI-0001,3\n"
        "lidc2_1,LIDC-IDRI-0007,2\nlidc2_2,LIDC-IDRI-0007,1\n"
        "lidc2_4,LIDC-IDRI-0007,0\nlidc3_1,LIDC-IDRI-0007,4\n");
    write_split(
        "0,lidc2_1.npz,lidc3_1.npz\n1,lidc1_2.npz,lidc2_2.npz\n"
        "2,lidc1_1.npz,lidc3_1.npz\n");
    for (const char* name : {"1_1", "1_2", "2_1", "2_2", "3_1"}) {
      dir_.write(str_cat("nodule/lidc", name, ".npz"), "");
    }
  }

  void write_info(const std::string& rows) {
    dir_.write("info/lidc_nodule_info_new_with_subset.csv",
               "index,uid,malignancy_mode\n" + rows);
  }

  void write_split(const std::string& rows) {
    dir_.write("train_test_split.csv", ",train,test\n" + rows);
  }

  Manifest list(const std::string& split,
                LidcTask task = LidcTask::kMalignancy) {
    return list_lidc(dir_.path(), split, task);
  }

  void expect_refused(std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list("all"); }, parts);
  }

  static std::vector<std::string> ids(const Manifest& manifest) {
    std::vector<std::string> result;
    for (const SourceEntry& entry : manifest.entries) {
      result.push_back(entry.id);
    }
    return result;
  }

  TempDir dir_;
};

TEST_F(LidcTest, ListsThePublishedTrainingPart) {
  const Manifest train = list("train");
  EXPECT_EQ(train.modality, Modality::kVolume);
  EXPECT_EQ(train.classes, (std::vector<std::string>{"benign", "malignant"}));
  EXPECT_EQ(ids(train), (std::vector<std::string>{"nodule/lidc1_1.npz",
                                                  "nodule/lidc2_1.npz"}));
  EXPECT_EQ(train.entries[0].label, 1);
  EXPECT_EQ(train.entries[1].label, 0);
  EXPECT_EQ(train.entries[1].subject, "LIDC-IDRI-0007");
  const VolumeEntry& volume = *train.entries[0].volume;
  EXPECT_EQ(volume.image.path, dir_.file("nodule/lidc1_1.npz"));
  EXPECT_EQ(volume.image.part, "voxel");
  EXPECT_EQ(volume.image.spacing_mm->at(2), 1.0);
  EXPECT_FALSE(volume.mask);
}

TEST_F(LidcTest, ListsDuplicatesOfTheTestPartOnce) {
  EXPECT_EQ(
      ids(list("test")),
      (std::vector<std::string>{"nodule/lidc2_2.npz", "nodule/lidc3_1.npz"}));
}

TEST_F(LidcTest, ListsEveryNoduleWithItsMaskForSegmentation) {
  const Manifest train = list("train", LidcTask::kSegmentation);
  EXPECT_EQ(train.entries.size(), 3U);
  EXPECT_EQ(train.mask_classes,
            (std::vector<std::string>{"background", "nodule"}));
  EXPECT_EQ(train.entries[1].id, "nodule/lidc1_2.npz");
  EXPECT_EQ(train.entries[1].volume->mask->part, "answer1");
  EXPECT_EQ(train.entries[1].volume->mask->path,
            train.entries[1].volume->image.path);
}

TEST_F(LidcTest, CanBeSplitWithoutSharingPatients) {
  EXPECT_EQ(list("all").entries.size(), 4U);
  std::set<std::string> patients;
  for (const char* part : {"train", "test"}) {
    const Manifest chosen =
        split_by_subject(list("all"), {0.5, 0.0, 0.5}, 0, part);
    ASSERT_FALSE(chosen.entries.empty());
    std::set<std::string> of_part;
    for (const SourceEntry& entry : chosen.entries) {
      of_part.insert(entry.subject);
    }
    for (const std::string& patient : of_part) {
      EXPECT_TRUE(patients.insert(patient).second);
    }
  }
}

TEST_F(LidcTest, RejectsListsThatDoNotFit) {
  write_split("0,lidc9_9.npz,\n");
  expect_refused({"train_test_split.csv:2", "'lidc9_9.npz' is no nodule"});
  write_split("0,lidc1_1,\n");
  expect_refused({"train_test_split.csv:2", "'lidc1_1' is no nodule"});
  write_split("0,lidc1_1.npz,lidc2_1.npz\n1,lidc2_2.npz,lidc1_1.npz\n");
  expect_refused({"train_test_split.csv:3", "'lidc1_1' is for testing",
                  "line 2 has it for training"});
  write_split("0,lidc2_4.npz,\n");
  expect_refused({"subset.csv:6", "malignancy_mode is 0"});
  dir_.write("train_test_split.csv", "a,train\n0,lidc1_1.npz\n");
  expect_refused({"train_test_split.csv:1", "no column 'test'"});
}

TEST_F(LidcTest, RejectsABadInfoFile) {
  write_info("lidc1_1,a,1\nlidc1_1,a,1\n");
  expect_refused({"subset.csv:3", "'lidc1_1' is already in line 2"});
  write_split("0,lidc1_1.npz,\n");
  write_info("lidc1_1,a,x\n");
  expect_refused({"subset.csv:2", "malignancy_mode is 'x'"});
  write_info("lidc1_1,a,3\n");
  expect_refused({"no nodule for all"});
  write_info("../lidc1_1,a,1\n");
  write_split("0,../lidc1_1.npz,\n");
  expect_refused({"subset.csv:2", "no file"});
}

TEST_F(LidcTest, NamesMissingFiles) {
  RealFiles().remove_all(dir_.file("nodule/lidc1_1.npz"));
  expect_refused({"subset.csv:2", "no file", "lidc1_1.npz"});
  RealFiles().remove_all(dir_.file("train_test_split.csv"));
  expect_error<IoError>([&] { list("train"); }, {"train_test_split.csv"});
  expect_error<ConfigError>([&] { list("val"); },
                            {"'val'", "'train' or 'test' or 'all'"});
}

// The numbers of nodules per mode and list that the published files have; the
// rows are made up.
TEST(LidcCountsTest, AreThoseOfThePublishedLists) {
  const TempDir dir;
  const std::string file = dir.write("nodule/any", "");
  std::string info = "index,uid,malignancy_mode\n";
  std::vector<std::string> train;
  std::vector<std::string> held_out;
  int number = 0;
  const auto add = [&](int count, int mode, std::vector<std::string>& list) {
    for (int i = 0; i < count; ++i) {
      const std::string name = str_cat("lidc", ++number, "_1");
      info += str_cat(name, ",LIDC-IDRI-", number / 3, ",", mode, "\n");
      list.push_back(name + ".npz");
      // Links to one file: two thousand files take seconds.
      fs::create_hard_link(file, dir.file(str_cat("nodule/", name, ".npz")));
    }
  };
  add(400, 1, train);
  add(586, 2, train);
  add(819, 3, train);
  add(180, 4, train);
  add(157, 5, train);
  add(100, 1, held_out);
  add(146, 2, held_out);
  add(181, 3, held_out);
  add(34, 4, held_out);
  add(30, 5, held_out);
  for (size_t i = 0; i < 35; ++i) {
    held_out.push_back(held_out[i * 7]);
  }
  std::string split = ",train,test\n";
  for (size_t i = 0; i < train.size(); ++i) {
    split += str_cat(i, ",", train[i], ",",
                     i < held_out.size() ? held_out[i] : "", "\n");
  }
  dir.write("info/lidc_nodule_info_new_with_subset.csv", info);
  dir.write("train_test_split.csv", split);
  const auto counts = [&](const char* part) {
    std::map<int64_t, int> per_label;
    for (const SourceEntry& entry :
         list_lidc(dir.path(), part, LidcTask::kMalignancy).entries) {
      ++per_label[entry.label];
    }
    return per_label;
  };
  EXPECT_EQ(train.size(), 2142U);
  EXPECT_EQ(held_out.size(), 526U);
  EXPECT_EQ(counts("train"), (std::map<int64_t, int>{{0, 986}, {1, 337}}));
  EXPECT_EQ(counts("test"), (std::map<int64_t, int>{{0, 246}, {1, 64}}));
  EXPECT_EQ(
      list_lidc(dir.path(), "test", LidcTask::kSegmentation).entries.size(),
      491U);
}

}  // namespace
}  // namespace voxlift::dataio
