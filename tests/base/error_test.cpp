#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/expect_error.h"

namespace voxlift {
namespace {

template <typename ErrorType>
void expect_kind(int code, const std::string& kind) {
  const ErrorType error("text");
  EXPECT_EQ(static_cast<int>(error.code()), code);
  EXPECT_EQ(error.kind(), kind);
  EXPECT_STREQ(error.what(), "text");
}

TEST(ErrorTest, HasTheDocumentedExitCodes) {
  expect_kind<ConfigError>(2, "ConfigError");
  expect_kind<DataError>(3, "DataError");
  expect_kind<IoError>(4, "IoError");
  expect_kind<CommError>(5, "CommError");
  expect_kind<InternalError>(70, "InternalError");
  EXPECT_EQ(static_cast<int>(ExitCode::kInterrupted), 75);
}

TEST(ErrorTest, TakesContextInFront) {
  const auto fail = [] {
    try {
      throw DataError("byte 7 is wrong");
    } catch (Error& error) {
      error.add_context("shard 3");
      throw;
    }
  };
  test::expect_error<DataError>(fail, {"shard 3: byte 7 is wrong"});
}

TEST(ErrorTest, NamesPathAndReasonOfASystemCall) {
  test::expect_error<IoError>(
      [] { throw_io_error("cannot open", "/a b", ENOENT); },
      {"cannot open '/a b': No such file or directory"});
}

TEST(CheckTest, NamesTheBrokenCondition) {
  test::expect_error<InternalError>(
      [] { VOXLIFT_CHECK(1 + 1 == 3, "arithmetic"); },
      {"error_test.cpp:", "1 + 1 == 3", "arithmetic"});
}

TEST(CheckTest, LetsATrueConditionPass) {
  EXPECT_NO_THROW(VOXLIFT_CHECK(true, "never"));
}

}  // namespace
}  // namespace voxlift
