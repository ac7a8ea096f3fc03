#include "launcher/cli/file_arguments.h"

#include <gtest/gtest.h>

namespace voxlift::launcher {
namespace {

using Args = std::vector<std::string>;

TEST(FileArgumentsTest, NamesTheFirstTwo) {
  EXPECT_EQ(with_named_files(Args{"a", "b", "--c", "d"}),
            (Args{"--from=a", "--to=b", "--c", "d"}));
  EXPECT_EQ(with_named_files(Args{"a"}), (Args{"--from=a"}));
  EXPECT_TRUE(with_named_files(Args{}).empty());
}

TEST(FileArgumentsTest, LeavesWhatBeginsWithAnOption) {
  EXPECT_EQ(with_named_files(Args{"--to", "b", "--from", "a"}),
            (Args{"--to", "b", "--from", "a"}));
  EXPECT_EQ(with_named_files(Args{"a", "--to", "b"}),
            (Args{"--from=a", "--to", "b"}));
}

}  // namespace
}  // namespace voxlift::launcher
