#include "trainer/checkpoint/manifest.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::trainer {
namespace {

Manifest two_files() {
  return {.files = {{.name = "a", .pieces = {{3, 0x1234}, {2, 0xFFFFFFFF}}},
                    {.name = "b", .pieces = {{0, 0}}}}};
}

TEST(ManifestTest, GivesBackWhatItWasGiven) {
  const Manifest back = Manifest::parse(two_files().text(), "m");
  ASSERT_EQ(back.files.size(), 2U);
  EXPECT_EQ(back.files[0].name, "a");
  EXPECT_EQ(back.files[0].bytes(), 5);
  EXPECT_EQ(back.files[0].pieces[0].crc32c, 0x1234U);
  EXPECT_EQ(back.files[0].pieces[1].bytes, 2);
  EXPECT_EQ(back.files[1].bytes(), 0);
}

// Golden: what a run of version 2 has written must stay readable.
TEST(ManifestTest, ReadsVersion2) {
  const std::string text =
      "{\n"
      "  \"format\": \"voxlift-checkpoint\",\n"
      "  \"version\": 2,\n"
      "  \"files\": [\n"
      "    {\n"
      "      \"name\": \"a\",\n"
      "      \"bytes\": 5,\n"
      "      \"pieces\": [\n"
      "        {\n"
      "          \"bytes\": 3,\n"
      "          \"crc32c\": \"00001234\"\n"
      "        },\n"
      "        {\n"
      "          \"bytes\": 2,\n"
      "          \"crc32c\": \"ffffffff\"\n"
      "        }\n"
      "      ]\n"
      "    },\n"
      "    {\n"
      "      \"name\": \"b\",\n"
      "      \"bytes\": 0,\n"
      "      \"pieces\": [\n"
      "        {\n"
      "          \"bytes\": 0,\n"
      "          \"crc32c\": \"00000000\"\n"
      "        }\n"
      "      ]\n"
      "    }\n"
      "  ],\n"
      "  \"manifest_crc32c\": \"b244f735\"\n"
      "}\n";
  EXPECT_EQ(two_files().text(), text);
  EXPECT_EQ(Manifest::parse(text, "m").files.size(), 2U);
}

TEST(ManifestTest, ReadsVersion1) {
  const Manifest manifest =
      Manifest::parse(R"({"format":"voxlift-checkpoint","version":1,"files":)"
                      R"([{"name":"a","bytes":5,"crc32c":"00001234"}]})",
                      "m");
  ASSERT_EQ(manifest.files.size(), 1U);
  ASSERT_EQ(manifest.files[0].pieces.size(), 1U);
  EXPECT_EQ(manifest.files[0].pieces[0].bytes, 5);
  EXPECT_EQ(manifest.files[0].pieces[0].crc32c, 0x1234U);
}

TEST(ManifestTest, FindsEveryFlippedBit) {
  const std::string good = two_files().text();
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_THROW(Manifest::parse(bad, "m"), DataError)
          << "byte " << i << " bit " << bit << ": '" << bad[i] << "'";
    }
  }
}

void expect_refused(const std::string& text,
                    std::initializer_list<std::string> parts) {
  test::expect_error<DataError>([&] { Manifest::parse(text, "m.json"); },
                                parts);
}

TEST(ManifestTest, NamesWhatIsWrong) {
  expect_refused("{", {"m.json"});
  expect_refused(R"({"format":"other"})", {"m.json", "format is 'other'"});
  expect_refused(R"({"format":"voxlift-checkpoint","version":3})",
                 {"version is 3", "reads 1 to 2"});
  const std::string head = R"({"format":"voxlift-checkpoint","version":1)";
  expect_refused(head + "}", {"m.json", "files"});
  expect_refused(
      head + R"(,"files":[{"name":"../x","bytes":1,"crc32c":"00000000"}]})",
      {"'../x' is no plain file name"});
  expect_refused(head + R"(,"files":[{"name":"x","bytes":1,"crc32c":"12"}]})",
                 {"crc32c is '12', expected 8 hex digits"});
  expect_refused(
      head + R"(,"files":[{"name":"x","bytes":-1,"crc32c":"00000000"}]})",
      {"bytes = -1, expected 0 to"});
}

TEST(ManifestTest, NamesPiecesThatDoNotAddUp) {
  std::string text = two_files().text();
  text.replace(text.find("\"bytes\": 5"), 10, "\"bytes\": 6");
  expect_refused(text, {"'m.json' has checksum", "its last member says"});
  // The same with a checksum of its own that is right.
  const size_t end = text.rfind("\"manifest_crc32c\"");
  const std::string own = hex(crc32c(as_bytes(text.substr(0, end))), 8);
  text = str_cat(text.substr(0, end), R"("manifest_crc32c": ")", own, "\"}");
  expect_refused(text, {"the pieces of 'a' have 5 bytes, the file 6"});
}

class CheckFileTest : public testing::Test {
 protected:
  // "abcde" in pieces of 3 and 2.
  CheckFileTest() {
    dir_.write("a", "abcde");
    file_.pieces = {manifest_file("", as_bytes("abc")).pieces[0],
                    manifest_file("", as_bytes("de")).pieces[0]};
  }

  test::TempDir dir_;
  RealFiles files_;
  ManifestFile file_{.name = "a", .pieces = {}};
};

TEST_F(CheckFileTest, AcceptsWhatIsWhole) {
  check_file(files_, dir_.path(), file_);
  check_bytes(file_, as_bytes("abcde"), "a");
}

TEST_F(CheckFileTest, NamesThePieceThatDiffers) {
  dir_.write("a", "abcdf");
  const auto parts = {std::string("a' has checksum"),
                      std::string("in bytes 3 to 5, the manifest says")};
  test::expect_error<DataError>([&] { check_file(files_, dir_.path(), file_); },
                                parts);
  test::expect_error<DataError>(
      [&] { check_bytes(file_, as_bytes("abcdf"), "a"); }, parts);
}

TEST_F(CheckFileTest, NamesBothSizesOrWhatIsMissing) {
  dir_.write("a", "abcd");
  test::expect_error<DataError>([&] { check_file(files_, dir_.path(), file_); },
                                {"a' has 4 bytes, the manifest says 5"});
  files_.remove_all(dir_.file("a"));
  test::expect_error<DataError>([&] { check_file(files_, dir_.path(), file_); },
                                {"a' is missing"});
  test::expect_error<DataError>([&] { find_file({}, "b", "dir"); },
                                {"'dir': the manifest has no 'b'"});
}

}  // namespace
}  // namespace voxlift::trainer
