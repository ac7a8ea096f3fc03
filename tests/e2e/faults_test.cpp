// Each loss that docs/failures.md lists, through the programs: the one line
// about it, and the exit code.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

using Words = std::vector<std::string>;

constexpr double kTimeoutS = 120.0;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// 20 photographs in steps of 8, 2 slots: 3 steps an epoch.
class FaultsTest : public testing::Test {
 protected:
  FaultsTest() {
    run_program({VOXLIFT, "synth", "photos", "--out", temp_.file("photos"),
                 "--classes", "4", "--train-per-class", "5", "--size", "32"});
    const ChildResult packed = run_program(
        {VOXLIFT, "pack", "--source", temp_.file("photos"), "--layout",
         "imagenet", "--split", "train", "--out", temp_.file("train")});
    EXPECT_EQ(packed.exit_code, 0) << packed.err;
  }

  // Two ranks, a checkpoint every other step; `options` replace what stands
  // here under the same name.
  Words command(const Words& launch_options, const Words& options) const {
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"--data.train", temp_.file("train")},
        {"--run.out", out()},
        {"--run.epochs", "4"},  // 12 steps.
        {"--batch.slots", "2"},
        {"--batch.slot_batch", "4"},
        {"--model.stem_channels", "4"},
        {"--model.base_channels", "4"},
        {"--photo.image_size", "24"},
        {"--checkpoint.every_steps", "2"}};
    Words words = Words{VOXLIFT_LAUNCH, "-n", "2", "--backoff", "0.1"} +
                  launch_options + Words{"--", "train"};
    for (const auto& [name, value] : defaults) {
      if (std::find(options.begin(), options.end(), name) == options.end()) {
        words = words + Words{name, value};
      }
    }
    return words + options;
  }

  ChildResult run(const Words& options, const Words& launch_options = kOnce,
                  const Words& env = {}) const {
    return run_program(command(launch_options, options), env, kTimeoutS);
  }

  // A run without end: once it has a checkpoint, `harm` is done to it.
  ChildResult run_and_harm(const std::function<void()>& harm,
                           const Words& options = {}) const {
    ChildProcess child(command({}, Words{"--run.epochs", "100000"} + options));
    const std::string first = join_path(out(), "checkpoints/step_00000004");
    EXPECT_TRUE(eventually([&] { return RealFiles().exists(first); }, 60.0));
    harm();
    return child.wait(kTimeoutS);
  }

  std::string out() const { return temp_.file("run"); }

  std::string shard() const { return temp_.file("train/shard-00000.h5"); }

  static const Words kOnce;

  TempDir temp_;
};

const Words FaultsTest::kOnce = {"--max-restarts", "0"};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Exactly one error line of the ranks, which holds all `parts`.
void expect_one_line(const ChildResult& result,
                     const std::vector<std::string>& parts) {
  int lines = 0;
  for (const std::string& line : str_split(result.err, '\n')) {
    if (line.starts_with("voxlift train")) {
      ++lines;
      for (const std::string& part : parts) {
        EXPECT_TRUE(contains(line, part)) << part << " is not in: " << line;
      }
    }
  }
  EXPECT_EQ(lines, 1) << result.err;
}

TEST_F(FaultsTest, AKilledRankIsNamedAtOnce) {
  const ChildResult result = run({"--fault", "kill@step=5,rank=1"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"[rank 0]: CommError: rank 1 on ", "(process ",
                           "is gone: its connection closed"});
}

TEST_F(FaultsTest, TheLossOfRankZeroIsToldByRankOne) {
  const ChildResult result = run({"--fault", "kill@step=5,rank=0"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"[rank 1]: CommError: rank 0 on ", "is gone"});
}

TEST_F(FaultsTest, ARankThatLeavesWithoutAWordIsNamed) {
  const ChildResult result = run({"--fault", "exit@step=5,rank=1,code=9"});
  EXPECT_EQ(result.exit_code, 9) << result.err;
  expect_one_line(result, {"rank 1 on ", "is gone"});
}

TEST_F(FaultsTest, AHungRankIsNamedWithinTheDeadlineAndTheRunGoesOn) {
  const ChildResult result =
      run({"--fault", "hang@step=5,rank=1", "--comm.deadline_s", "3"}, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_one_line(result,
                  {"rank 1 on ", "has been silent for ", "stopped or starved",
                   "rank 0 has waited", "(deadline 3.0 s)"});
  EXPECT_TRUE(contains(result.err, "restart 1 of 3")) << result.err;
}

TEST_F(FaultsTest, ASilentRankIsLostBeforeTheDeadlineOfTheCollective) {
  const ChildResult result =
      run({"--fault", "hang@step=5,rank=1", "--comm.silent_s", "3"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"rank 1 on ", "has been silent for 3.", ": lost"});
}

TEST_F(FaultsTest, AHungRankZeroIsNamedByRankOne) {
  const ChildResult result =
      run({"--fault", "hang@step=5,rank=0", "--comm.deadline_s", "3"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"[rank 1]: CommError: rank 0 on ", "silent"});
}

TEST_F(FaultsTest, ARankThatIsAliveButDoesNotComeIsNamedWithItsPhase) {
  const ChildResult result =
      run({"--fault", "spin@step=5,rank=1", "--comm.deadline_s", "3"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"rank 1 on ", "is alive, but has been in forward",
                           "at step 5: stuck", "(deadline 3.0 s)"});
}

TEST_F(FaultsTest, WithoutHeartbeatsTheDeadlineOfTheCollectiveIsLeft) {
  const ChildResult result =
      run({"--fault", "hang@step=5,rank=1", "--comm.deadline_s", "2",
           "--comm.heartbeat_s", "0"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  expect_one_line(result, {"CommError", "has waited 2 s"});
}

TEST_F(FaultsTest, ASlowRankIsNamedAndTheRunGoesOn) {
  const ChildResult result =
      run({"--run.epochs", "40", "--fault", "slow@step=3,rank=1,factor=3",
           "--comm.heartbeat_s", "0.2", "--photo.image_size", "64",
           "--checkpoint.every_steps", "0"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(contains(result.err, "rank 1 on ")) << result.err;
  EXPECT_TRUE(contains(result.err, "is slow: ")) << result.err;
  EXPECT_TRUE(contains(result.err, "at its worst, rank 1 on ")) << result.err;
  int named = 0;
  for (const std::string& line :
       str_split(read_text(join_path(out(), "log.jsonl")), '\n')) {
    if (contains(line, "straggler")) {
      const Json event = parse_json(line, "log.jsonl");
      named += event["rank"] == 1 && event["loses_it"] == "computing" ? 1 : 0;
    }
  }
  EXPECT_GE(named, 1);
}

TEST_F(FaultsTest, AFullDiskIsNamedAndEndsTheRunInTheEnd) {
  const ChildResult result =
      run({"--fault", "enospc@step=6,rank=0,steps=1000"}, {});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_TRUE(contains(result.err, "checkpoint of step 6 not written"))
      << result.err;
  EXPECT_TRUE(contains(result.err, "No space left on device")) << result.err;
  EXPECT_FALSE(contains(result.err, "restart 1")) << result.err;
}

TEST_F(FaultsTest, ACorruptCheckpointIsNamedAndTheOneBeforeIsUsed) {
  EXPECT_EQ(run({"--run.max_steps", "6"}).exit_code, 0);
  const ChildResult result =
      run({"--fault", "corrupt@step=6,rank=0;kill@step=7,rank=1"},
          {"--max-restarts", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(contains(result.err, "checkpoint of step 6 is damaged"))
      << result.err;
  EXPECT_TRUE(contains(result.err, "using the checkpoint of step 4"))
      << result.err;
}

TEST_F(FaultsTest, AShardDamagedDuringTheRunEndsItWith3) {
  const ChildResult result = run_and_harm([&] {
    std::string content = read_text(shard());
    const size_t jpeg = content.find("\xff\xd8\xff");
    ASSERT_NE(jpeg, std::string::npos);
    // One byte in place: a file written anew is short for a moment.
    std::fstream file(shard(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(jpeg + 200));
    file.put(static_cast<char>(content[jpeg + 200] ^ 4));
  });
  EXPECT_EQ(result.exit_code, 3) << result.err;
  expect_one_line(result, {"DataError: ", "(shard shard-00000.h5, sample ",
                           "checksum is ", "stored is "});
  EXPECT_FALSE(contains(result.err, "restart 1")) << result.err;
}

TEST_F(FaultsTest, AMissingShardEndsTheRunWith3) {
  std::filesystem::remove(shard());
  const ChildResult result = run({}, {});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  expect_one_line(result, {"DataError: ",
                           "index.json' lists shard "
                           "'shard-00000.h5', which does not "
                           "exist"});
}

TEST_F(FaultsTest, ADiskThatCannotReadEndsTheRunWith4) {
  const ChildResult result =
      run({}, {},
          {str_cat("LD_PRELOAD=", FAILING_DISK), "FAIL_READS_OF=shard-00000.h5",
           "FAIL_READS_AFTER=30"});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  // Each rank that meets it says so.
  for (const char* part : {"IoError: ", "(shard shard-00000.h5, sample ",
                           "shard-00000.h5': Input/output error"}) {
    EXPECT_TRUE(contains(result.err, part)) << result.err;
  }
  EXPECT_FALSE(contains(result.err, "restart 1")) << result.err;
}

// Hosts h1 and h2, each a set of namespaces of this machine.
class Hosts {
 public:
  explicit Hosts(std::string dir) : dir_(std::move(dir)) {
    const std::string up = script("up.sh");
    is_up_ = RealFiles().exists(up) &&
             run_program({up, "-d", dir_, "-n", "2", "-s", "1"}).exit_code == 0;
  }

  ~Hosts() {
    if (is_up_) {
      run_program({script("down.sh"), "-d", dir_});
    }
  }

  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  bool is_up() const { return is_up_; }

  void cut(const std::string& host) const {
    const ChildResult result =
        run_program({script("host.sh"), "-d", dir_, "cut", host});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  // `argv` with the environment that MPI needs between the hosts.
  Words within(const Words& argv) const {
    return Words{"bash", "-c", ". \"$0/env.sh\" && exec \"$@\"", dir_} + argv;
  }

  std::string hostfile() const { return join_path(dir_, "hostfile"); }

 private:
  static std::string script(const std::string& name) {
    return str_cat(VOXLIFT_SHARED_DIR, "/netns-hosts/", name);
  }

  std::string dir_;
  bool is_up_ = false;
};

TEST_F(FaultsTest, ACutLinkIsToldFromAStoppedProcess) {
  const Hosts hosts(temp_.file("hosts"));
  if (!hosts.is_up()) {
    GTEST_SKIP() << "no network namespaces, or no netns-hosts in "
                 << VOXLIFT_SHARED_DIR;
  }
  ChildProcess child(hosts.within(
      command(Words{"--hostfile", hosts.hostfile()} + kOnce,
              {"--run.epochs", "100000", "--comm.silent_s", "3"})));
  const std::string first = join_path(out(), "checkpoints/step_00000004");
  ASSERT_TRUE(eventually([&] { return RealFiles().exists(first); }, 60.0));
  hosts.cut("h2");
  const ChildResult result = child.wait(kTimeoutS);
  EXPECT_EQ(result.exit_code, 5) << result.err;
  for (const char* part :
       {"CommError: rank 1 on h2", "has been silent for 3.",
        "the host is down or the link is cut): lost", "a host is lost"}) {
    EXPECT_TRUE(contains(result.err, part)) << part << ": " << result.err;
  }
}

}  // namespace
}  // namespace voxlift::test
