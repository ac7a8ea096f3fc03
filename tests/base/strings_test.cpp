#include "base/strings.h"

#include <gtest/gtest.h>

namespace voxlift {
namespace {

using Words = std::vector<std::string>;

TEST(StringsTest, Concatenates) {
  EXPECT_EQ(str_cat("a", 1, ' ', 2.5), "a1 2.5");
  EXPECT_EQ(str_cat(""), "");
}

TEST(StringsTest, JoinsAndSplits) {
  EXPECT_EQ(str_join(Words{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(str_join(Words{}, ","), "");
  EXPECT_EQ(str_split("a,,b", ','), (Words{"a", "", "b"}));
  EXPECT_EQ(str_split("", ','), (Words{""}));
  EXPECT_EQ(str_split(",", ','), (Words{"", ""}));
}

TEST(StringsTest, Trims) {
  EXPECT_EQ(str_trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(str_trim(" \n"), "");
}

TEST(StringsTest, KeepsNamesToOneLine) {
  EXPECT_EQ(one_line("a\nb\tc\x7f"), "a?b?c?");
  EXPECT_EQ(one_line("\xc3\xbc.png"), "\xc3\xbc.png");
}

TEST(StringsTest, LowersCase) {
  EXPECT_EQ(to_lower("AbC.JPEG"), "abc.jpeg");
}

TEST(StringsTest, ParsesWholeNumbers) {
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("9223372036854775807"), INT64_MAX);
  for (const char* text :
       {"", "9223372036854775808", "1x", " 1", "1.0", "+1"}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

TEST(StringsTest, ParsesRealNumbers) {
  EXPECT_EQ(parse_double("-2.5e3"), -2500.0);
  for (const char* text : {"", "1.0x", "--1", "1e999"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(StringsTest, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2);
  EXPECT_EQ(edit_distance("same", "same"), 0);
}

TEST(StringsTest, FindsTheNearestWord) {
  const Words words = {"train", "evaluate", "pack"};
  EXPECT_EQ(nearest_word("trian", words), "train");
  EXPECT_EQ(nearest_word("evalute", words), "evaluate");
  EXPECT_EQ(nearest_word("x", Words{}), "");
}

TEST(StringsTest, WritesBytesForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1500), "1.50 kB");
  EXPECT_EQ(human_bytes(12.34e6), "12.3 MB");
  EXPECT_EQ(human_bytes(5e15), "5000.0 TB");
}

TEST(StringsTest, WritesDurationsForPeople) {
  EXPECT_EQ(human_duration(3.21), "3.2s");
  EXPECT_EQ(human_duration(123), "2m 03s");
  EXPECT_EQ(human_duration(3723), "1h 02m 03s");
}

TEST(StringsTest, WritesHexPadded) {
  EXPECT_EQ(hex(0xAB, 8), "000000ab");
  EXPECT_EQ(hex(0x123456789, 4), "123456789");
}

}  // namespace
}  // namespace voxlift
