#include "launcher/launch/host_list.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;

TEST(HostListTest, ReadsAHostfileAndWritesItAgain) {
  const std::vector<Host> hosts = {{"h1", 4}, {"h2", 1}};
  EXPECT_EQ(
      parse_hostfile("# two\nh1 slots=4 max_slots=8\n\n  h2 # one\n", "hosts"),
      hosts);
  EXPECT_EQ(parse_hostfile(to_hostfile(hosts), "again"), hosts);
}

TEST(HostListTest, NamesLineAndWordOfAWrongHostfile) {
  for (const char* word : {"slots=0", "slots=", "slots=x"}) {
    expect_error<ConfigError>(
        [&] {
          (void)parse_hostfile("h1 slots=1\nh2 " + std::string(word), "hosts");
        },
        {"'hosts' line 2", word, "at least 1"});
  }
  expect_error<ConfigError>([] { (void)parse_hostfile("# none\n", "hosts"); },
                            {"'hosts' names no host"});
}

TEST(HostListTest, KeepsTheOrderOfTheHostsThatAnswer) {
  const std::vector<Host> hosts = {{"a", 1}, {"b", 2}, {"c", 3}};
  EXPECT_EQ(hosts_that_answer(
                hosts, [](const std::string& host) { return host != "b"; }),
            (std::vector<Host>{{"a", 1}, {"c", 3}}));
}

TEST(HostListTest, TakesAllRanksOrAPowerOfTwo) {
  EXPECT_EQ(ranks_that_fit(6, 6, 1), 6);
  EXPECT_EQ(ranks_that_fit(6, 100, 6), 6);
  EXPECT_EQ(ranks_that_fit(8, 7, 1), 4);
  EXPECT_EQ(ranks_that_fit(8, 4, 4), 4);
  EXPECT_EQ(ranks_that_fit(8, 3, 4), 0);
  EXPECT_EQ(ranks_that_fit(8, 0, 1), 0);
}

}  // namespace
}  // namespace voxlift::launcher
