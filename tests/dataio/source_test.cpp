#include "dataio/source/source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "dataio/source/csv.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

namespace fs = std::filesystem;
using voxlift::test::expect_error;
using voxlift::test::shared_data;
using voxlift::test::shared_data_missing;
using voxlift::test::TempDir;

std::vector<std::string> ids(const Manifest& manifest) {
  std::vector<std::string> result;
  for (const SourceEntry& entry : manifest.entries) {
    result.push_back(entry.id);
  }
  return result;
}

bool is_ignored(const Manifest& manifest, const std::string& text) {
  return std::any_of(manifest.ignored.begin(), manifest.ignored.end(),
                     [&](const std::string& line) {
                       return line.find(text) != std::string::npos;
                     });
}

TEST(ModalityTest, IsReadBackFromItsName) {
  for (const Modality modality : {Modality::kPhotograph, Modality::kVolume}) {
    EXPECT_EQ(parse_modality(modality_name(modality), "x"), modality);
  }
  expect_error<DataError>([] { parse_modality("film", "index.json"); },
                          {"index.json", "'film'", "'photograph' or 'volume'"});
}

TEST(ClassFoldersTest, SortsClassesAndFiles) {
  const TempDir dir;
  dir.write("zebra/b.jpg", "");
  dir.write("zebra/a.PNG", "");
  dir.write("ape/deep/er/x.jpeg", "");
  dir.write("ape/k.JPEG", "");
  const Manifest manifest = list_class_folders(dir.path());
  EXPECT_EQ(manifest.modality, Modality::kPhotograph);
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"ape", "zebra"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"ape/deep/er/x.jpeg", "ape/k.JPEG",
                                      "zebra/a.PNG", "zebra/b.jpg"}));
  EXPECT_EQ(manifest.entries[0].label, 0);
  EXPECT_EQ(manifest.entries[3].label, 1);
  EXPECT_TRUE(fs::exists(manifest.entries[0].path));
  EXPECT_TRUE(manifest.ignored.empty());
}

TEST(ClassFoldersTest, NotesWhatItLeavesOut) {
  const TempDir dir;
  dir.write("a b/ü.jpg", "");
  dir.write("a b/Thumbs.db", "");
  dir.write("a b/.DS_Store", "");
  dir.write("README.txt", "");
  dir.write(".git/x.jpg", "");
  const Manifest manifest = list_class_folders(dir.path());
  EXPECT_EQ(ids(manifest), (std::vector<std::string>{"a b/ü.jpg"}));
  EXPECT_EQ(manifest.ignored.size(), 4U);
  EXPECT_TRUE(is_ignored(manifest, "a b/Thumbs.db: not named like a picture"));
  EXPECT_TRUE(is_ignored(manifest, "a b/.DS_Store: hidden"));
  EXPECT_TRUE(is_ignored(manifest, "README.txt: not a class folder"));
}

TEST(ClassFoldersTest, RejectsAnEmptyClass) {
  const TempDir dir;
  dir.write("full/a.jpg", "");
  dir.write("hollow/.gitkeep", "");
  expect_error<DataError>([&] { list_class_folders(dir.path()); },
                          {dir.file("hollow"), "holds no picture"});
}

TEST(ClassFoldersTest, RejectsAFolderWithoutClasses) {
  const TempDir dir;
  expect_error<DataError>([&] { list_class_folders(dir.path()); },
                          {dir.path(), "no class folder"});
  expect_error<IoError>([&] { list_class_folders(dir.file("absent")); },
                        {dir.file("absent")});
}

TEST(ClassFoldersTest, EndsOnLinksThatLoop) {
  const TempDir dir;
  dir.write("a/x.jpg", "");
  fs::create_directory_symlink(dir.path(), dir.file("a/up"));
  fs::create_directory_symlink(dir.file("a"), dir.file("a/self"));
  fs::create_symlink(dir.file("nowhere"), dir.file("a/broken.jpg"));
  const Manifest manifest = list_class_folders(dir.path());
  EXPECT_EQ(ids(manifest), (std::vector<std::string>{"a/x.jpg"}));
  EXPECT_TRUE(is_ignored(manifest, "a/up: a link to a folder"));
  EXPECT_TRUE(is_ignored(manifest, "a/self: a link to a folder"));
  EXPECT_TRUE(is_ignored(manifest, "a/broken.jpg: a link that leads nowhere"));
}

TEST(ClassFoldersTest, FollowsALinkedClass) {
  const TempDir dir;
  dir.write("elsewhere/x.jpg", "");
  fs::create_directories(dir.file("root"));
  fs::create_directory_symlink(dir.file("elsewhere"), dir.file("root/a"));
  EXPECT_EQ(ids(list_class_folders(dir.file("root"))),
            (std::vector<std::string>{"a/x.jpg"}));
}

// Two classes of one training picture; val.txt says `list`.
class ImagenetTest : public testing::Test {
 protected:
  ImagenetTest() {
    dir_.write("train/n02/b.JPEG", "");
    dir_.write("train/n01/a.JPEG", "");
    dir_.write("val/v 1.JPEG", "");
    dir_.write("val/v2.JPEG", "");
  }

  Manifest list(const std::string& lines) {
    dir_.write("meta/val.txt", lines);
    return list_imagenet(dir_.path(), "val");
  }

  void expect_refused(const std::string& lines,
                      std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list(lines); }, parts);
  }

  TempDir dir_;
};

TEST_F(ImagenetTest, ListsTraining) {
  const Manifest manifest = list_imagenet(dir_.path(), "train");
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"n01", "n02"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"train/n01/a.JPEG", "train/n02/b.JPEG"}));
}

TEST_F(ImagenetTest, ListsValidationInListOrder) {
  const Manifest manifest = list("v2.JPEG 1\r\nv 1.JPEG 0\n\n");
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"n01", "n02"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"val/v2.JPEG", "val/v 1.JPEG"}));
  EXPECT_EQ(manifest.entries[0].label, 1);
  EXPECT_EQ(manifest.entries[1].label, 0);
}

TEST_F(ImagenetTest, RejectsBadLinesByNumber) {
  expect_refused("v2.JPEG 1\nv 1.JPEG 2\n", {"val.txt:2:", "'2'", "0 to 1"});
  expect_refused("v2.JPEG one\n", {"val.txt:1:", "'one'"});
  expect_refused("v2.JPEG\n", {"val.txt:1:", "want 'file label'"});
  expect_refused("v2.JPEG 1\nv2.JPEG 1\n", {"val.txt:2:", "already in line 1"});
  expect_refused("\ngone.JPEG 0\n", {"val.txt:2:", "no file", "gone.JPEG"});
  expect_refused("\n", {"the val split has no picture"});
}

TEST_F(ImagenetTest, ListsValidationFoldersWhereThereIsNoList) {
  fs::remove_all(dir_.file("val"));
  dir_.write("val/n02/z.JPEG", "");
  const Manifest manifest = list_imagenet(dir_.path(), "val");
  EXPECT_EQ(ids(manifest), (std::vector<std::string>{"val/n02/z.JPEG"}));
  EXPECT_EQ(manifest.entries[0].label, 1);
  dir_.write("val/n03/z.JPEG", "");
  expect_error<DataError>([&] { list_imagenet(dir_.path(), "val"); },
                          {"val/n03", "'n03' is not among the 2"});
}

TEST_F(ImagenetTest, RejectsAnotherSplit) {
  expect_error<ConfigError>([&] { list_imagenet(dir_.path(), "vall"); },
                            {"'vall'", "nearest: val"});
}

TEST(CsvTest, SplitsQuotedFields) {
  const auto rows = parse_csv(
      "\xef\xbb\xbfpath,label\r\n\"a,b\",1\n\n\"say \"\"x\"\"\nok\",\nlast",
      "f");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].fields, (std::vector<std::string>{"path", "label"}));
  EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"a,b", "1"}));
  EXPECT_EQ(rows[2].fields, (std::vector<std::string>{"say \"x\"\nok", ""}));
  EXPECT_EQ(rows[2].line, 4);
  EXPECT_EQ(rows[3].line, 6);
}

TEST(CsvTest, RejectsBadQuotes) {
  expect_error<DataError>([] { parse_csv("a\n\"b", "f.csv"); },
                          {"f.csv:2", "not closed"});
  expect_error<DataError>([] { parse_csv("\"b\"c", "f.csv"); },
                          {"f.csv:1", "after a closing quote"});
}

TEST(RealSourceTest, RejectsTheOddTreeForItsEmptyClass) {
  const std::string dir = shared_data("data/malformed/odd_tree");
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing("data/malformed/odd_tree");
  }
  expect_error<DataError>([&] { list_class_folders(dir); },
                          {"empty_class", "holds no picture"});
  const TempDir copy;
  fs::copy(dir, copy.file("tree"), fs::copy_options::recursive);
  fs::remove_all(copy.file("tree/empty_class"));
  const Manifest manifest = list_class_folders(copy.file("tree"));
  EXPECT_EQ(manifest.classes.size(), 2U);
  EXPECT_EQ(manifest.entries.size(), 8U);
  EXPECT_TRUE(is_ignored(manifest, "Thumbs.db"));
}

TEST(RealSourceTest, ListsRealPhotographs) {
  const std::string dir = shared_data("data/natural/imagenette224");
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing("data/natural/imagenette224");
  }
  const Manifest train = list_imagenet(dir, "train");
  const Manifest val = list_imagenet(dir, "val");
  EXPECT_EQ(train.classes.size(), 10U);
  EXPECT_EQ(train.classes, val.classes);
  EXPECT_EQ(train.entries.size(), 1850U);
  EXPECT_EQ(val.entries.size(), 500U);
}

}  // namespace
}  // namespace voxlift::dataio
