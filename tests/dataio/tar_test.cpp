#include "dataio/source/tar.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"
#include "tests/dataio/made_tar.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::MemoryFile;
using test::tar_end;
using test::tar_header;
using test::tar_member;
using test::tar_padded;

std::vector<TarMember> members_of(const std::string& tar) {
  const MemoryFile file(tar);
  TarReader reader(file, 0, file.size_bytes(), "t.tar");
  std::vector<TarMember> members;
  while (auto member = reader.next()) {
    members.push_back(std::move(*member));
  }
  return members;
}

// The contents of the members, by the reader's offsets.
std::vector<std::string> contents_of(const std::string& tar) {
  std::vector<std::string> contents;
  for (const TarMember& member : members_of(tar)) {
    contents.push_back(tar.substr(static_cast<size_t>(member.offset),
                                  static_cast<size_t>(member.size)));
  }
  return contents;
}

void expect_refused(const std::string& tar,
                    std::initializer_list<std::string> parts) {
  expect_error<DataError>([&] { members_of(tar); }, parts);
}

TEST(TarReaderTest, TellsWhereMembersLie) {
  const std::string tar = tar_member("dir/", "", '5') +
                          tar_member("./dir/a.jpg", "hello") +
                          tar_member("b", std::string(512, 'b')) +
                          tar_member("empty", "") + tar_end();
  const auto members = members_of(tar);
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].name, "dir/a.jpg");
  EXPECT_EQ(members[2].size, 0);
  EXPECT_EQ(contents_of(tar),
            (std::vector<std::string>{"hello", std::string(512, 'b'), ""}));
}

TEST(TarReaderTest, ReadsLongNames) {
  const std::string name = "d/" + std::string(300, 'n');
  const std::string pax = "path=" + name + "\n";
  const std::string record = str_cat(pax.size() + 4, " ", pax);
  const std::string gnu = tar_member("././@LongLink", name + '\0', 'L') +
                          tar_member("short", "x") + tar_member("other", "y") +
                          tar_end();
  const std::string posix = tar_member("PaxHeader", record, 'x') +
                            tar_member("short", "x") +
                            tar_member("other", "y") + tar_end();
  for (const std::string& tar : {gnu, posix}) {
    const auto members = members_of(tar);
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].name, name);
    EXPECT_EQ(members[1].name, "other");
    EXPECT_EQ(contents_of(tar), (std::vector<std::string>{"x", "y"}));
  }
}

TEST(TarReaderTest, JoinsThePrefixOfUstar) {
  std::string block = tar_header("name", 0);
  block.replace(345, 3, "pre");
  block.replace(148, 6, "000000");
  std::string fixed = block;
  fixed.replace(148, 8, "        ");
  size_t sum = 0;
  for (const char c : fixed) {
    sum += static_cast<unsigned char>(c);
  }
  std::string octal;
  for (int i = 0; i < 6; ++i, sum /= 8) {
    octal.insert(octal.begin(), static_cast<char>('0' + sum % 8));
  }
  block.replace(148, 6, octal);
  EXPECT_EQ(members_of(block + tar_end())[0].name, "pre/name");
}

TEST(TarReaderTest, ReadsSizesOfEveryForm) {
  const std::string binary = std::string("\x80") + std::string(10, '\0') + "\5";
  EXPECT_EQ(contents_of(tar_header("a", 0, '0', binary) + tar_padded("12345") +
                        tar_end()),
            (std::vector<std::string>{"12345"}));
  EXPECT_EQ(contents_of(tar_member("p", "10 size=5\n", 'x') +
                        tar_header("a", 0) + tar_padded("12345") + tar_end()),
            (std::vector<std::string>{"12345"}));
  EXPECT_EQ(contents_of(tar_header("a", 0, '0', "     000005 ") +
                        tar_padded("12345") + tar_end()),
            (std::vector<std::string>{"12345"}));
}

TEST(TarReaderTest, ReadsAnArchiveWithinAnArchive) {
  const std::string inner = tar_member("x.jpg", "inner") + tar_end();
  const std::string tar = tar_member("n01.tar", inner) + tar_end();
  const TarMember outer = members_of(tar)[0];
  const MemoryFile file(tar);
  TarReader reader(file, outer.offset, outer.offset + outer.size, "t.tar");
  const auto member = reader.next();
  ASSERT_TRUE(member);
  EXPECT_EQ(tar.substr(static_cast<size_t>(member->offset), 5), "inner");
  EXPECT_FALSE(reader.next());
}

TEST(TarReaderTest, RejectsADamagedHeader) {
  std::string tar = tar_member("good", "1") + tar_member("a", "1") + tar_end();
  tar[1024] ^= 1;
  expect_refused(tar, {"t.tar", "byte 1024", "checksum", "give"});
}

TEST(TarReaderTest, RejectsACutArchive) {
  const std::string tar = tar_member("a", std::string(700, 'a')) + tar_end();
  expect_refused("", {"without its block of zeros"});
  expect_refused(tar.substr(0, 300), {"without its block of zeros"});
  expect_refused(tar.substr(0, 1000),
                 {"'a' has 700 bytes", "488 bytes behind"});
  expect_refused(tar.substr(0, 512 + 1024), {"without its block of zeros"});
}

TEST(TarReaderTest, RejectsWildSizes) {
  expect_refused(tar_header("a", 0, '0', "77777777777") + tar_end(),
                 {"has 8589934591 bytes"});
  expect_refused(tar_header("a", 0, '0', "00000z00000") + tar_end(),
                 {"its size is no number"});
  expect_refused(
      tar_header("a", 0, '0', std::string("\x80") + std::string(11, '\xff')) +
          tar_end(),
      {"its size is no number"});
  expect_refused(tar_header("a", 0, 'L', "00100000000") + tar_end(),
                 {"a name of 16777216 bytes"});
  expect_refused(tar_header("a", 0, 'x', "00000004000") + tar_end(),
                 {"a name of 2048 bytes, at most 1024"});
  expect_refused(
      tar_member("p", "11 size=-5\n", 'x') + tar_header("a", 0) + tar_end(),
      {"'a' has -5 bytes"});
}

TEST(TarReaderTest, RejectsBadPaxRecords) {
  for (const char* record : {"99 path=x\n", "x path=x\n", "9 path=x\nrest",
                             "3 p", "0 a=b\n", "-3 a=b\n", "10"}) {
    expect_refused(
        tar_member("p", record, 'x') + tar_member("a", "1") + tar_end(),
        {"pax record"});
  }
  expect_refused(tar_member("p", "10 size=a\n", 'x') + tar_end(),
                 {"pax size 'a'"});
}

TEST(TarReaderTest, RejectsUnsafeNames) {
  for (const char* name : {"/etc/passwd", "../a", "a/../../b", "", "."}) {
    expect_refused(tar_member(name, "1") + tar_end(), {"or has '..'"});
  }
}

TEST(TarReaderTest, RejectsLinksAndDevices) {
  for (const char type : {'1', '2', '3', '6', 'K', 'S'}) {
    expect_refused(tar_member("l", "", type) + tar_end(),
                   {"'l' is of type '", std::string(1, type)});
  }
}

TEST(TarReaderTest, NeverLeavesTheFileWhateverIsDamaged) {
  const std::string good =
      tar_member("././@LongLink", std::string(200, 'n') + '\0', 'L') +
      tar_member("short", "x") + tar_member("p", "14 path=a/b/c\n", 'x') +
      tar_member("b", std::string(900, 'b')) + tar_end();
  RandomStream draws(1, Purpose::kFault, 0, 0);
  const auto last = static_cast<int64_t>(good.size()) - 1;
  for (int round = 0; round < 3000; ++round) {
    std::string tar = good;
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<size_t>(draws.uniform_int(0, last));
      tar[at] = static_cast<char>(draws.uniform_int(0, 255));
    }
    try {
      for (const TarMember& member : members_of(tar)) {
        EXPECT_LE(member.offset + member.size,
                  static_cast<int64_t>(tar.size()));
      }
    } catch (const DataError&) {
      // Refused: as good as read.
    }
  }
}

}  // namespace
}  // namespace voxlift::dataio
