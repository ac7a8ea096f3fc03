#include "launcher/cli/command.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"

namespace voxlift::launcher {
namespace {

using Args = std::vector<std::string>;

class ProgramTest : public ::testing::Test {
 protected:
  // Runs the program; its output is in out_ and err_.
  int run(const Args& args) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = run_program(program_, args);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  std::function<int(std::span<const std::string>)> body_ =
      [](std::span<const std::string>) { return 0; };
  Program program_{
      .name = "voxlift",
      .summary = "lifts",
      .commands = {{"pack", "packs", [this](auto args) { return body_(args); }},
                   {"verify", "verifies", [](auto) { return 3; }}}};
  std::string out_;
  std::string err_;
};

TEST_F(ProgramTest, RunsTheNamedCommand) {
  Args seen;
  body_ = [&](std::span<const std::string> args) {
    seen.assign(args.begin(), args.end());
    return 0;
  };
  EXPECT_EQ(run({"pack", "--out", "x"}), 0);
  EXPECT_EQ(seen, (Args{"--out", "x"}));
  EXPECT_EQ(run({"verify"}), 3);
}

TEST_F(ProgramTest, ListsCommands) {
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_NE(out_.find("pack"), std::string::npos);
  EXPECT_NE(out_.find("verifies"), std::string::npos);
  EXPECT_EQ(run({}), 2);
}

TEST_F(ProgramTest, TellsItsVersion) {
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(out_, std::string("voxlift ") + version() + "\n");
}

TEST_F(ProgramTest, NamesTheNearestCommand) {
  EXPECT_EQ(run({"veryfi"}), 2);
  EXPECT_EQ(err_,
            "voxlift: ConfigError: unknown command 'veryfi'; the nearest is "
            "'verify'\n");
}

TEST_F(ProgramTest, MapsErrorKindsToExitCodes) {
  body_ = [](auto) -> int { throw DataError("'a' is cut"); };
  EXPECT_EQ(run({"pack"}), 3);
  EXPECT_EQ(err_, "voxlift pack: DataError: 'a' is cut\n");
  body_ = [](auto) -> int { throw ConfigError("x"); };
  EXPECT_EQ(run({"pack"}), 2);
  body_ = [](auto) -> int { throw IoError("x"); };
  EXPECT_EQ(run({"pack"}), 4);
  body_ = [](auto) -> int { throw CommError("x"); };
  EXPECT_EQ(run({"pack"}), 5);
  body_ = [](auto) -> int { throw std::logic_error("x"); };
  EXPECT_EQ(run({"pack"}), 70);
  EXPECT_EQ(err_, "voxlift pack: InternalError: x\n");
  body_ = [](auto) -> int { throw std::bad_alloc(); };
  EXPECT_EQ(run({"pack"}), 4);
  EXPECT_EQ(err_, "voxlift pack: IoError: out of memory\n");
}

}  // namespace
}  // namespace voxlift::launcher
