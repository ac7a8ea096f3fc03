#include "launcher/launch/job_token.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/strings.h"
#include "tests/support/child_process.h"

namespace voxlift::launcher {
namespace {

TEST(JobTokenTest, IsAnotherOneEachTime) {
  EXPECT_EQ(make_job_token().size(), 16U);
  EXPECT_NE(make_job_token(), make_job_token());
}

TEST(JobTokenTest, EndsTheProcessesOfOneJobOnly) {
  const std::string mine = make_job_token();
  const std::string other = make_job_token();
  const auto marked = [](const std::string& token) {
    return std::vector<std::string>{str_cat(kJobTokenVariable, "=", token)};
  };
  test::ChildProcess first({"sleep", "60"}, marked(mine));
  test::ChildProcess second({"sleep", "60"}, marked(other));
  ASSERT_TRUE(test::eventually(
      [&] {
        return processes_of_job(mine).size() == 1 &&
               processes_of_job(other).size() == 1;
      },
      10.0));
  EXPECT_EQ(end_job(mine), 1);
  EXPECT_EQ(first.wait(10.0).exit_code, 128 + SIGKILL);
  EXPECT_EQ(processes_of_job(other), std::vector<int>{second.pid()});
  EXPECT_EQ(end_job(mine), 0);
}

}  // namespace
}  // namespace voxlift::launcher
