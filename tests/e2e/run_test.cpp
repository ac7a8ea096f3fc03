// Whole runs through the programs, as a user starts them.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// 20 photographs in steps of 8, 2 slots: 3 steps an epoch, 12 steps.
class RunTest : public testing::Test {
 protected:
  RunTest() {
    expect_ok(
        run_program({VOXLIFT, "synth", "photos", "--out", temp_.file("photos"),
                     "--classes", "4", "--train-per-class", "5",
                     "--val-per-class", "2", "--size", "32"}));
    for (const std::string split : {"train", "val"}) {
      expect_ok(run_program({VOXLIFT, "pack", "--source", temp_.file("photos"),
                             "--layout", "imagenet", "--split", split, "--out",
                             temp_.file(split)}));
    }
  }

  static void expect_ok(const ChildResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  Words train_args(const std::string& out) const {
    return {"train",
            "--data.train",
            temp_.file("train"),
            "--data.val",
            temp_.file("val"),
            "--run.out",
            out,
            "--run.epochs",
            "4",
            "--batch.slots",
            "2",
            "--batch.slot_batch",
            "4",
            "--model.stem_channels",
            "4",
            "--model.base_channels",
            "4",
            "--photo.image_size",
            "24",
            "--photo.eval_resize_short",
            "28",
            "--checkpoint.every_steps",
            "2"};
  }

  static Words launch(int ranks, const Words& command) {
    return Words{VOXLIFT_LAUNCH, "-n",  std::to_string(ranks),
                 "--backoff",    "0.1", "--"} +
           command;
  }

  std::string weights(const std::string& out, int64_t step) const {
    return read_text(join_path(
        out, str_cat("checkpoints/step_000000", step, "/model.safetensors")));
  }

  TempDir temp_;
};

TEST_F(RunTest, AKilledRankIsRestartedAndTheWeightsAreTheSame) {
  const std::string whole = temp_.file("whole");
  const std::string killed = temp_.file("killed");
  expect_ok(run_program(Words{VOXLIFT} + train_args(whole)));
  const ChildResult result = run_program(launch(
      2, train_args(killed) + Words{"--run.fault", "kill@step=7,rank=1"}));
  expect_ok(result);
  EXPECT_NE(result.err.find("restart 1 of 3"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("step_00000006"), std::string::npos) << result.err;
  EXPECT_EQ(weights(whole, 12), weights(killed, 12));
}

TEST_F(RunTest, ARankThatHangsIsNoticedWithinTheDeadlineAndRestarted) {
  const std::string out = temp_.file("hang");
  const ChildResult result = run_program(
      launch(2, train_args(out) + Words{"--run.fault", "hang@step=5,rank=1",
                                        "--comm.deadline_s", "1.5"}));
  expect_ok(result);
  EXPECT_NE(result.err.find("CommError"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("(deadline 1.5 s)"), std::string::npos)
      << result.err;
}

TEST_F(RunTest, WithoutRestartsALostRankIsExitCode5) {
  const std::string out = temp_.file("lost");
  Words words =
      launch(2, train_args(out) + Words{"--run.fault", "kill@step=3,rank=0"});
  words.insert(words.begin() + 1, {"--max-restarts", "0"});
  EXPECT_EQ(run_program(words).exit_code, 5);
}

TEST_F(RunTest, TermStopsWithACheckpointAndTheNextRunGoesOn) {
  const std::string whole = temp_.file("whole");
  const std::string stopped = temp_.file("stopped");
  const Words longer = {"--run.epochs", "400", "--eval.every_epochs", "0"};
  Words args = train_args(stopped);
  args.erase(args.begin() + 7, args.begin() + 9);  // --run.epochs 4.
  ChildProcess child(launch(2, args + longer));
  const std::string first = join_path(stopped, "checkpoints/step_00000002");
  const RealFiles files;
  ASSERT_TRUE(eventually([&] { return files.exists(first); }, 30.0));
  child.signal(SIGTERM);
  const ChildResult result = child.wait(30.0);
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_NE(result.err.find("stopped: checkpoint written"), std::string::npos)
      << result.err;
}

TEST_F(RunTest, EvaluationGivesTheScoresOfTheRunOnAnyNumberOfRanks) {
  const std::string out = temp_.file("out");
  expect_ok(run_program(Words{VOXLIFT} + train_args(out)));
  const Json scores = parse_json(read_text(join_path(out, "result.json")),
                                 "result.json")["scores"];
  const Words evaluate = {"evaluate", "--checkpoint", out, "--data",
                          temp_.file("val")};
  const ChildResult one = run_program(Words{VOXLIFT} + evaluate);
  expect_ok(one);
  EXPECT_EQ(parse_json(one.out, "one"), scores);
  const ChildResult three = run_program(launch(3, evaluate));
  expect_ok(three);
  EXPECT_EQ(parse_json(three.out, "three"), scores);
}

// Exactly one line of ours that holds all `parts`, whatever the number of
// ranks.
void expect_one_line(const ChildResult& result, int code,
                     const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, code) << result.err;
  int lines = 0;
  for (const std::string& line : str_split(result.err, '\n')) {
    if (line.starts_with("voxlift train")) {
      ++lines;
      for (const std::string& part : parts) {
        EXPECT_NE(line.find(part), std::string::npos) << line;
      }
    }
  }
  EXPECT_EQ(lines, 1) << result.err;
}

TEST_F(RunTest, AWorldSizeThatDoesNotDivideTheSlotsIsOneLine) {
  expect_one_line(run_program(launch(3, train_args(temp_.file("out")))), 2,
                  {"ConfigError", "slots", "2", "3"});
}

TEST_F(RunTest, AnUnknownKeyIsOneLineNamingTheNearest) {
  expect_one_line(run_program(launch(2, train_args(temp_.file("out")) +
                                            Words{"--schedule.lrr", "0.1"})),
                  2, {"ConfigError", "schedule.lrr", "schedule.lr"});
}

TEST_F(RunTest, EvaluationRefusesABatchOfNothing) {
  const ChildResult result =
      run_program(launch(2, {"evaluate", "--checkpoint", temp_.file("x"),
                             "--data", temp_.file("val"), "--batch", "0"}));
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_NE(result.err.find("batch = 0: must be at least 1"), std::string::npos)
      << result.err;
}

TEST_F(RunTest, AValueOutOfRangeIsOneLine) {
  expect_one_line(run_program(Words{VOXLIFT} + train_args(temp_.file("out")) +
                              Words{"--sgd.momentum", "1.5"}),
                  2, {"sgd.momentum = 1.5", "[0, 1)"});
}

// All options of all recipes: what is missing is the data only.
TEST(ConfigsTest, EveryConfigurationIsAccepted) {
  const TempDir temp;
  RealFiles files;
  int64_t accepted = 0;
  for (const std::string& name : files.list_dir(VOXLIFT_CONFIGS)) {
    if (!name.ends_with(".cfg")) {
      continue;
    }
    const ChildResult result = run_program(
        {VOXLIFT, "train", "--config", join_path(VOXLIFT_CONFIGS, name),
         "--data.train", temp.file("absent"), "--run.out", temp.file("out")});
    EXPECT_EQ(result.exit_code, 4) << name << ": " << result.err;
    EXPECT_NE(result.err.find("absent/index.json"), std::string::npos) << name;
    ++accepted;
  }
  EXPECT_GE(accepted, 8);
}

// What the run scores and what `voxlift evaluate` scores is the mean.
TEST_F(RunTest, EvaluatesTheRunningMeanOfTheWeights) {
  const std::string out = temp_.file("mean");
  expect_ok(run_program(Words{VOXLIFT} + train_args(out) +
                        Words{"--ema.decay", "0.5", "--eval.batch", "4"}));
  const std::string json = temp_.file("scores.json");
  expect_ok(run_program({VOXLIFT, "evaluate", "--checkpoint", out, "--data",
                         temp_.file("val"), "--batch", "4", "--json", json}));
  const Json result =
      parse_json(read_text(join_path(out, "result.json")), "result");
  EXPECT_EQ(parse_json(read_text(json), json)["loss"],
            result["scores"]["loss"]);
}

TEST_F(RunTest, AFlippedBitInAShardIsOneLine) {
  std::string path = temp_.file("train/shard-00000.h5");
  std::string content = read_text(path);
  const size_t jpeg = content.find("\xff\xd8\xff");
  ASSERT_NE(jpeg, std::string::npos);
  content[jpeg + 200] = static_cast<char>(content[jpeg + 200] ^ 4);
  temp_.write("train/shard-00000.h5", content);
  expect_one_line(run_program(Words{VOXLIFT} + train_args(temp_.file("out"))),
                  3, {"DataError", "shard-00000.h5", "checksum", "stored"});
}

// A file system of 600 kB; made by root only.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    RealFiles().make_dirs(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, "size=600k") == 0;
  }

  ~SmallDisk() {
    if (mounted_) {
      ::umount2(path_.c_str(), MNT_DETACH);
    }
  }

  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

// A checkpoint takes about 300 kB here: the first fits, later ones do not.
TEST_F(RunTest, AFullDiskIsWarnedOfThenOneLineAndTheCheckpointBeforeStays) {
  const SmallDisk disk(temp_.file("disk"));
  if (!disk.mounted()) {
    GTEST_SKIP() << "mounting a small tmpfs needs root";
  }
  const std::string out = join_path(disk.path(), "run");
  const Words narrow = {"--model.stem_channels", "2", "--model.base_channels",
                        "2"};
  Words args = train_args(out);
  args.erase(args.begin() + 13, args.begin() + 17);  // The widths.
  const ChildResult result = run_program(launch(2, args + narrow));
  EXPECT_EQ(result.exit_code, 4) << result.err;
  for (const char* part :
       {"No space left on device", "failure 1 of 3 in a row", "rank 0 on "}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
  const ChildResult verify =
      run_program({VOXLIFT, "verify", join_path(out, "checkpoints")});
  EXPECT_EQ(verify.exit_code, 0) << verify.err << verify.out;
}

}  // namespace
}  // namespace voxlift::test
