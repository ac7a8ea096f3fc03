#include "base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift {
namespace {

using test::expect_error;

class RealFilesTest : public ::testing::Test {
 protected:
  test::TempDir dir_;
  RealFiles files_;
};

TEST_F(RealFilesTest, ReadsWhatItHasWritten) {
  const std::string path = dir_.file("a");
  const std::array pieces = {as_bytes("one"), as_bytes(""), as_bytes("two")};
  files_.write_durable(path, pieces);
  EXPECT_EQ(as_text(files_.read(path)), "onetwo");
  EXPECT_EQ(files_.size_bytes(path), 6);
}

TEST_F(RealFilesTest, ReplacesALongerFile) {
  const std::string path = dir_.write("a", "a long content");
  files_.publish(path, "short");
  EXPECT_EQ(test::read_text(path), "short");
  EXPECT_FALSE(files_.exists(path + ".tmp"));
}

TEST_F(RealFilesTest, NamesAFileThatIsMissing) {
  expect_error<IoError>([&] { (void)files_.read(dir_.file("none")); },
                        {"none", "No such file"});
  expect_error<IoError>([&] { (void)files_.size_bytes(dir_.file("none")); },
                        {"cannot stat", "none"});
  expect_error<IoError>([&] { (void)files_.list_dir(dir_.file("none")); },
                        {"cannot list", "none"});
}

TEST_F(RealFilesTest, RefusesAFileThatIsTooLong) {
  const std::string path = dir_.write("a", "12345");
  expect_error<DataError>([&] { (void)files_.read(path, 4); },
                          {path, "has 5 bytes", "at most 4"});
}

TEST_F(RealFilesTest, ReadsAPartOfAFile) {
  const std::string path = dir_.write("a", "0123456789");
  EXPECT_EQ(as_text(files_.read_range(path, 3, 4)), "3456");
  EXPECT_EQ(as_text(files_.read_range(path, 10, 0)), "");
  for (const auto& [offset, length] : {std::pair<int64_t, int64_t>{7, 4},
                                       {11, 0},
                                       {-1, 2},
                                       {0, -2},
                                       {1, INT64_MAX}}) {
    expect_error<DataError>(
        [&] { (void)files_.read_range(path, offset, length); },
        {path, "has 10 bytes", str_cat(length, " from byte ", offset)});
  }
}

TEST_F(RealFilesTest, RefusesAFolderAsAFile) {
  expect_error<IoError>([&] { (void)files_.read(dir_.path()); },
                        {"not a regular file", dir_.path()});
}

TEST_F(RealFilesTest, NamesAFolderThatCannotBeWritten) {
  const std::string path = dir_.file("no/such/folder");
  expect_error<IoError>([&] { files_.publish(path, "x"); },
                        {"cannot open", path});
}

TEST_F(RealFilesTest, MakesAndRemovesFolders) {
  files_.make_dirs(dir_.file("a/b/c"));
  EXPECT_TRUE(files_.is_dir(dir_.file("a/b/c")));
  files_.remove_all(dir_.file("a"));
  EXPECT_FALSE(files_.exists(dir_.file("a")));
  EXPECT_NO_THROW(files_.remove_all(dir_.file("a")));
}

TEST_F(RealFilesTest, NamesAFolderThatCannotBeMade) {
  dir_.write("a", "a file");
  expect_error<IoError>([&] { files_.make_dirs(dir_.file("a/b")); },
                        {"cannot make the folder", "a/b"});
}

TEST_F(RealFilesTest, ListsNamesInByteOrder) {
  for (const char* name : {"b", "B", "a", "\xC3\xA9", "10", "9"}) {
    dir_.write(name, "");
  }
  const std::vector<std::string> expected = {"10", "9", "B",
                                             "a",  "b", "\xC3\xA9"};
  EXPECT_EQ(files_.list_dir(dir_.path()), expected);
}

TEST_F(RealFilesTest, RenamesAFileOverAnother) {
  const std::string from = dir_.write("from", "new");
  const std::string to = dir_.write("to", "old");
  files_.rename_durable(from, to);
  EXPECT_EQ(test::read_text(to), "new");
  EXPECT_FALSE(files_.exists(from));
}

TEST_F(RealFilesTest, DoesNotRenameAFolderOverAnother) {
  files_.make_dirs(dir_.file("from"));
  files_.make_dirs(dir_.file("to"));
  expect_error<IoError>(
      [&] { files_.rename_durable(dir_.file("from"), dir_.file("to")); },
      {"cannot replace a folder", "to"});
}

TEST_F(RealFilesTest, NamesBothEndsOfARenameThatFails) {
  expect_error<IoError>(
      [&] { files_.rename_durable(dir_.file("x"), dir_.file("y")); },
      {"cannot rename", "/x'", "/y'"});
}

TEST(FileDescriptorTest, ReadsAtAnOffset) {
  const test::TempDir dir;
  const FileDescriptor file(dir.write("a", "0123456789"), O_RDONLY);
  std::array<std::byte, 3> bytes{};
  file.read_at(bytes, 4);
  EXPECT_EQ(as_text(bytes), "456");
}

TEST(FileDescriptorTest, NamesTheByteWhereTheFileEnds) {
  const test::TempDir dir;
  const FileDescriptor file(dir.write("a", "0123456789"), O_RDONLY);
  std::array<std::byte, 8> bytes{};
  expect_error<DataError>([&] { file.read_at(bytes, 5); },
                          {file.path(), "ends at byte 10", "up to 13"});
}

TEST(FileDescriptorTest, MovesItsOwnership) {
  const test::TempDir dir;
  FileDescriptor first(dir.write("a", "x"), O_RDONLY);
  const int fd = first.get();
  const FileDescriptor second(std::move(first));
  EXPECT_EQ(second.get(), fd);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move)
}

TEST(FileDescriptorTest, NamesTheFileThatCannotBeWritten) {
  const FileDescriptor full("/dev/full", O_WRONLY);
  expect_error<IoError>([&] { full.write(as_bytes("x")); },
                        {"/dev/full", "No space left"});
}

TEST(PathTest, SplitsAndJoins) {
  EXPECT_EQ(parent_dir("a/b/c.txt"), "a/b");
  EXPECT_EQ(parent_dir("c.txt"), ".");
  EXPECT_EQ(base_name("a/b/c.txt"), "c.txt");
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
}

TEST(FilesTest, PreallocatesAndWritesParts) {
  const test::TempDir dir;
  RealFiles files;
  const std::string path = dir.file("a");
  files.preallocate(path, 5);
  EXPECT_EQ(test::read_text(path), std::string(5, '\0'));
  files.write_at_durable(path, 3, as_bytes("de"));
  files.write_at_durable(path, 0, as_bytes("abc"));
  EXPECT_EQ(test::read_text(path), "abcde");
  files.preallocate(path, 0);
  EXPECT_EQ(files.size_bytes(path), 0);
  test::expect_error<IoError>(
      [&] { files.write_at_durable(dir.file("b"), 0, as_bytes("x")); },
      {"cannot open", "/b'", "No such file"});
}

TEST(FilesTest, TriesStaleReadsAgain) {
  int calls = 0;
  retry_stale([&] {
    if (++calls < 3) {
      throw_io_error("cannot read", "a", ESTALE);
    }
  });
  EXPECT_EQ(calls, 3);
  calls = 0;
  EXPECT_THROW(retry_stale([&] {
                 ++calls;
                 throw_io_error("cannot read", "a", ESTALE);
               }),
               IoError);
  EXPECT_EQ(calls, 3);
  calls = 0;
  EXPECT_THROW(retry_stale([&] {
                 ++calls;
                 throw_io_error("cannot read", "a", EIO);
               }),
               IoError);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace voxlift
