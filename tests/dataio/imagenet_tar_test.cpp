#include <gtest/gtest.h>

#include "base/files.h"
#include "dataio/source/source.h"
#include "tests/dataio/made_tar.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::tar_end;
using test::tar_member;
using test::TempDir;

// Two classes with three training pictures, two validation pictures.
class ImagenetTarTest : public testing::Test {
 protected:
  ImagenetTarTest() {
    dir_.write(
        "ILSVRC2012_img_train.tar",
        tar_member("n02.tar", tar_member("n02_1.JPEG", "two one") + tar_end()) +
            tar_member("n01.tar", n01_) + tar_end());
    dir_.write("ILSVRC2012_img_val.tar", tar_member("v1.JPEG", "val one") +
                                             tar_member("v2.JPEG", "val two") +
                                             tar_end());
    dir_.write("meta/val.txt", "v2.JPEG 1\nv1.JPEG 0\n");
  }

  void write_train(const std::string& tar) {
    dir_.write("ILSVRC2012_img_train.tar", tar);
  }

  void expect_refused(const std::string& split,
                      std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list_imagenet_tar(dir_.path(), split); },
                            parts);
  }

  static std::string content(const SourceEntry& entry) {
    return std::string(as_text(
        RealFiles().read_range(entry.path, entry.offset, entry.length)));
  }

  const std::string n01_ = tar_member("n01_9.JPEG", "one nine") +
                           tar_member("n01_10.JPEG", "one ten") + tar_end();
  TempDir dir_;
};

TEST_F(ImagenetTarTest, ListsTrainingWithoutExtracting) {
  const Manifest manifest = list_imagenet_tar(dir_.path(), "train");
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"n01", "n02"}));
  ASSERT_EQ(manifest.entries.size(), 3U);
  EXPECT_EQ(manifest.entries[0].id, "train/n01/n01_10.JPEG");
  EXPECT_EQ(manifest.entries[1].id, "train/n01/n01_9.JPEG");
  EXPECT_EQ(manifest.entries[2].id, "train/n02/n02_1.JPEG");
  EXPECT_EQ(manifest.entries[2].label, 1);
  EXPECT_EQ(content(manifest.entries[0]), "one ten");
  EXPECT_EQ(content(manifest.entries[2]), "two one");
}

TEST_F(ImagenetTarTest, ListsWhatTheFoldersWouldList) {
  for (const char* name : {"n01/n01_9", "n01/n01_10", "n02/n02_1"}) {
    dir_.write(std::string("train/") + name + ".JPEG", "");
  }
  dir_.write("val/v1.JPEG", "");
  dir_.write("val/v2.JPEG", "");
  for (const char* split : {"train", "val"}) {
    const Manifest folders = list_imagenet(dir_.path(), split);
    const Manifest tar = list_imagenet_tar(dir_.path(), split);
    EXPECT_EQ(tar.classes, folders.classes);
    ASSERT_EQ(tar.entries.size(), folders.entries.size());
    for (size_t i = 0; i < tar.entries.size(); ++i) {
      EXPECT_EQ(tar.entries[i].id, folders.entries[i].id);
      EXPECT_EQ(tar.entries[i].label, folders.entries[i].label);
    }
  }
}

TEST_F(ImagenetTarTest, ListsValidationWithItsLabels) {
  const Manifest manifest = list_imagenet_tar(dir_.path(), "val");
  ASSERT_EQ(manifest.entries.size(), 2U);
  EXPECT_EQ(manifest.entries[0].id, "val/v2.JPEG");
  EXPECT_EQ(manifest.entries[0].label, 1);
  EXPECT_EQ(content(manifest.entries[0]), "val two");
}

TEST_F(ImagenetTarTest, TakesClassesFromAListWithoutTheTrainingFile) {
  RealFiles().remove_all(dir_.file("ILSVRC2012_img_train.tar"));
  dir_.write("meta/synsets.txt", "n01\nn02\n");
  EXPECT_EQ(list_imagenet_tar(dir_.path(), "val").classes,
            (std::vector<std::string>{"n01", "n02"}));
  dir_.write("meta/synsets.txt", "n02\nn01\n");
  expect_refused("val", {"synsets.txt", "'n01' follows 'n02'"});
}

TEST_F(ImagenetTarTest, NotesWhatItLeavesOut) {
  write_train(tar_member("README", "x") +
              tar_member("n01.tar", tar_member("a.txt", "") + n01_) +
              tar_end());
  dir_.write("meta/val.txt", "v1.JPEG 0\n");
  EXPECT_EQ(
      list_imagenet_tar(dir_.path(), "train").ignored,
      (std::vector<std::string>{"README: not the tar file of a class",
                                "train/n01/a.txt: not named like a picture"}));
  EXPECT_EQ(list_imagenet_tar(dir_.path(), "val").ignored,
            (std::vector<std::string>{"val/v2.JPEG: not in meta/val.txt"}));
}

TEST_F(ImagenetTarTest, RejectsWhatComesTwice) {
  write_train(tar_member("n01.tar", n01_) + tar_member("n01.tar", n01_) +
              tar_end());
  expect_refused("train", {"img_train.tar", "'n01.tar' is in it twice"});
  write_train(tar_member("n01.tar", tar_member("a.JPEG", "1") + n01_) +
              tar_end());
  EXPECT_EQ(list_imagenet_tar(dir_.path(), "train").entries.size(), 3U);
  write_train(tar_member("n01.tar", tar_member("a.JPEG", "1") +
                                        tar_member("./a.JPEG", "2") +
                                        tar_end()) +
              tar_end());
  expect_refused("train", {"(n01.tar)", "'a.JPEG' is in it twice"});
  dir_.write(
      "ILSVRC2012_img_val.tar",
      tar_member("v1.JPEG", "1") + tar_member("v1.JPEG", "1") + tar_end());
  write_train(tar_member("n01.tar", n01_) + tar_end());
  dir_.write("meta/val.txt", "v1.JPEG 0\n");
  expect_refused("val", {"img_val.tar", "'v1.JPEG' is in it twice"});
}

TEST_F(ImagenetTarTest, RejectsEmptyAndDamagedParts) {
  write_train(tar_member("n01.tar", tar_end()) + tar_end());
  expect_refused("train", {"(n01.tar)", "holds no picture"});
  write_train(tar_member("n01.tar", n01_.substr(0, 516)) + tar_end());
  expect_refused("train", {"img_train.tar (n01.tar)", "has 8 bytes"});
  write_train(tar_end());
  expect_refused("train", {"the train split has no picture"});
}

TEST_F(ImagenetTarTest, RejectsAListThatDoesNotFit) {
  dir_.write("meta/val.txt", "v1.JPEG 0\nv3.JPEG 0\n");
  expect_refused("val", {"val.txt:2", "no 'v3.JPEG'", "img_val.tar"});
  dir_.write("meta/val.txt", "v1.JPEG 2\n");
  expect_refused("val", {"val.txt:1", "'2'", "0 to 1"});
}

TEST_F(ImagenetTarTest, NamesTheFileThatIsMissing) {
  const TempDir empty;
  expect_error<IoError>([&] { list_imagenet_tar(empty.path(), "train"); },
                        {"ILSVRC2012_img_train.tar"});
  RealFiles().remove_all(dir_.file("meta/val.txt"));
  expect_error<IoError>([&] { list_imagenet_tar(dir_.path(), "val"); },
                        {"meta/val.txt"});
  expect_error<ConfigError>([&] { list_imagenet_tar(dir_.path(), "test"); },
                            {"'test'", "'train' or 'val'"});
}

}  // namespace
}  // namespace voxlift::dataio
