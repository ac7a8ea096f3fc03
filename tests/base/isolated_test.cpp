#include "base/isolated.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift {
namespace {

using test::expect_error;

constexpr int kLimitS = 10;

TEST(RunIsolatedTest, ReturnsWhatTheChildWrote) {
  const auto bytes =
      run_isolated(3 << 20, kLimitS, [](std::span<std::byte> out) {
        std::fill(out.begin() + 1, out.end(), std::byte{7});
      });
  ASSERT_EQ(bytes.size(), size_t{3} << 20);
  EXPECT_EQ(bytes.front(), std::byte{0});
  EXPECT_EQ(bytes.back(), std::byte{7});
}

TEST(RunIsolatedTest, CarriesTheTextOfAnException) {
  expect_error<DataError>(
      [] {
        run_isolated(1, kLimitS, [](std::span<std::byte>) {
          throw std::runtime_error("bad stream");
        });
      },
      {"bad stream"});
}

TEST(RunIsolatedTest, SurvivesACrash) {
  expect_error<DataError>(
      [] {
        run_isolated(1, kLimitS, [](std::span<std::byte>) { std::abort(); });
      },
      {"crashed with signal 6"});
}

TEST(RunIsolatedTest, EndsALoopThatDoesNotEnd) {
  expect_error<DataError>(
      [] {
        run_isolated(1, 1, [](std::span<std::byte> out) {
          for (volatile std::byte* p = out.data(); *p != std::byte{1};) {
          }
        });
      },
      {"stopped after 1 s"});
}

TEST(RunIsolatedTest, LeavesThisProcessAsItIs) {
  int changed = 0;
  run_isolated(1, kLimitS, [&](std::span<std::byte>) { changed = 1; });
  EXPECT_EQ(changed, 0);
}

}  // namespace
}  // namespace voxlift
