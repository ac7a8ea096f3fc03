#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift {
namespace {

using test::expect_error;

TEST(JsonTest, KeepsTheOrderOfMembers) {
  EXPECT_EQ(parse_json(R"({"b": 1, "a": [2.5, "x"]})", "f").dump(),
            R"({"b":1,"a":[2.5,"x"]})");
}

TEST(JsonTest, NamesTheFileThatIsNotJson) {
  expect_error<DataError>([] { (void)parse_json("{\"a\": }", "dir/f.json"); },
                          {"'dir/f.json' is not JSON", "column 7"});
  expect_error<DataError>([] { (void)parse_json("", "f.json"); },
                          {"'f.json' is not JSON"});
}

TEST(JsonTest, NamesANumberThatIsTooLarge) {
  expect_error<DataError>([] { (void)parse_json("[1e999]", "a.json"); },
                          {"a.json", "1e999"});
}

TEST(JsonTest, GetsMembersOfTheirType) {
  const Json json = parse_json(R"({"n": 3, "s": "t"})", "f");
  EXPECT_EQ(json_get<int64_t>(json, "n", "f"), 3);
  EXPECT_EQ(json_get<std::string>(json, "s", "f"), "t");
}

TEST(JsonTest, RefusesNumbersThatAnIntegerCannotHold) {
  const Json json = parse_json(
      R"({"huge": 2.9e19, "big": 18446744073709551615, "half": 0.5,
          "less": -1, "three": 3.0, "list": [1, 2.5]})",
      "f");
  EXPECT_EQ(json_get<int64_t>(json, "three", "f"), 3);
  EXPECT_EQ(json_get<uint64_t>(json, "big", "f"), UINT64_MAX);
  EXPECT_EQ(json_get<double>(json, "half", "f"), 0.5);
  for (const char* key : {"huge", "big", "half"}) {
    expect_error<DataError>([&] { (void)json_get<int64_t>(json, key, "f"); },
                            {"'f'", key, "no integer in range"});
  }
  expect_error<DataError>([&] { (void)json_get<uint64_t>(json, "less", "f"); },
                          {"'less'", "-1"});
  expect_error<DataError>(
      [&] { (void)json_get<std::vector<int64_t>>(json, "list", "f"); },
      {"'list'", "[1,2.5]"});
}

TEST(JsonTest, NamesAMemberThatIsMissing) {
  const Json json = parse_json("{}", "f");
  expect_error<DataError>([&] { (void)json_get<int>(json, "n", "f.json"); },
                          {"'f.json'", "member 'n'"});
}

TEST(JsonTest, NamesAMemberOfAnotherType) {
  const Json json = parse_json(R"({"n": "three"})", "f");
  expect_error<DataError>([&] { (void)json_get<int>(json, "n", "f.json"); },
                          {"'f.json'", "member 'n'", "number", "string"});
}

TEST(JsonTest, NamesAMemberOfSomethingThatHasNone) {
  const Json json = parse_json("[1]", "f");
  expect_error<DataError>([&] { (void)json_get<int>(json, "n", "f.json"); },
                          {"'f.json'", "member 'n'"});
}

TEST(JsonLinesTest, AppendsOneLineEach) {
  const test::TempDir dir;
  const std::string path = dir.file("log.jsonl");
  {
    JsonLines lines(path);
    lines.append({{"step", 1}, {"loss", 0.5}});
    lines.append({{"step", 2}, {"loss", NAN}});
    EXPECT_EQ(test::read_text(path),
              "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":null}\n");
  }
  JsonLines(path).append({{"step", 3}});
  EXPECT_TRUE(test::read_text(path).ends_with("\n{\"step\":3}\n"));
}

TEST(JsonLinesTest, NamesAFileThatCannotBeOpened) {
  expect_error<IoError>([] { JsonLines lines("/nonexistent/log.jsonl"); },
                        {"cannot open", "/nonexistent/log.jsonl"});
}

TEST(JsonLinesTest, StartsANewLineBehindOneThatWasCut) {
  const test::TempDir temp;
  const std::string path = temp.write("log.jsonl", "{\"a\":1}\n{\"b\"");
  JsonLines(path).append({{"c", 3}});
  EXPECT_EQ(test::read_text(path), "{\"a\":1}\n{\"b\"\n{\"c\":3}\n");
}

}  // namespace
}  // namespace voxlift
