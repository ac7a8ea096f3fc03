// `voxlift experiment` from generated photographs to its report.

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

using Words = std::vector<std::string>;

// 20 photographs for training, 8 to score; a tiny network, 2 epochs.
constexpr const char* kConfig = R"(
[run]
out = unused
seed = 3
epochs = 2
[batch]
slot_batch = 8
[model]
stem_channels = 4
base_channels = 4
[photo]
image_size = 24
eval_resize_short = 28
)";

class ExperimentTest : public testing::Test {
 protected:
  ExperimentTest() {
    expect_ok(
        run_program({VOXLIFT, "synth", "photos", "--out", temp_.file("photos"),
                     "--classes", "4", "--train-per-class", "5",
                     "--val-per-class", "2", "--size", "32"}));
    for (const std::string split : {"train", "val"}) {
      expect_ok(run_program({VOXLIFT, "pack", "--source", temp_.file("photos"),
                             "--layout", "imagenet", "--split", split, "--out",
                             temp_.file(split)}));
    }
    config_ = temp_.write("base.cfg", kConfig + data_lines());
    slow_ = temp_.write("slow.cfg", "[schedule]\nlr = 0.001\n");
  }

  std::string data_lines() const {
    return str_cat("[data]\ntrain = ", temp_.file("train"),
                   "\nval = ", temp_.file("val"), "\n");
  }

  static void expect_ok(const ChildResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  std::string out() const { return temp_.file("exp"); }

  ChildResult experiment(Words words) const {
    words.insert(words.begin(), {VOXLIFT, "experiment"});
    words.insert(words.end(), {"--out", out()});
    return run_program(words);
  }

  ChildResult plan(const Words& more) const {
    Words words = {"annotation",
                   "--config",
                   config_,
                   "--inits",
                   "scratch=,slow=@" + slow_,
                   "--fractions",
                   "0.4,1",
                   "--seeds",
                   "1"};
    words.insert(words.end(), more.begin(), more.end());
    return experiment(words);
  }

  std::string file(const std::string& name) const {
    return read_text(join_path(out(), name));
  }

  TempDir temp_;
  std::string config_;
  std::string slow_;
};

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << "'" << part << "' is not in: " << text;
}

TEST_F(ExperimentTest, RunsDrawsAndGoesOn) {
  ChildResult result = plan({"--task", "1"});
  expect_ok(result);
  expect_says(result.out, "4 runs: 2 initialisations, 2 label shares");
  result = experiment({"annotation", "--run"});
  expect_ok(result);
  EXPECT_EQ(result.err.find("scratch_f40_s3"), std::string::npos);  // Was made.
  expect_says(result.err, "training on 8 samples of 4 classes");
  expect_says(result.err, "training on 20 samples of 4 classes");
  expect_says(result.out, "scratch: top1 ");
  EXPECT_EQ(result.out.find("missing"), std::string::npos) << result.out;
  expect_says(file("runs/slow_f40_s3/config.cfg"), "schedule.lr = 0.001\n");
  expect_says(file("report.html"), "4 of 4 runs");
  expect_says(file("scores.csv"), "\nslow,0.4,3,2,2,");
  result = experiment({"annotation", "--run"});
  expect_ok(result);
  EXPECT_EQ(result.err.find("run 1 of 4"), std::string::npos) << result.err;
}

TEST_F(ExperimentTest, OtherSubjectsInTheFolderOfARunAreAnError) {
  expect_ok(plan({"--task", "1"}));
  const std::string dir = join_path(out(), "runs/scratch_f40_s3");
  const ChildResult result =
      run_program({VOXLIFT, "train", "--config", join_path(dir, "config.cfg"),
                   "--data.fraction_seed", "4"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "belongs to a run with data = ");
}

TEST_F(ExperimentTest, WritesAJobArrayAndDrawsWhatIsThere) {
  ChildResult result = plan({"--sbatch", "--draw"});
  expect_ok(result);
  expect_says(result.out, "sbatch -N 1 --ntasks-per-node=1 " +
                              join_path(out(), "array.sbatch"));
  expect_says(result.out, "missing: scratch_f40_s3: not finished");
  expect_says(file("array.sbatch"), "#SBATCH --array=1-4\n");
}

TEST_F(ExperimentTest, SaysWhatIsWrong) {
  const auto fails = [&](const Words& words, const std::string& why) {
    const ChildResult result = experiment(words);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    expect_says(result.err, why);
  };
  fails({"ablation"}, "experiment 'ablation': must be 'convergence' or");
  fails({"annotation"}, "give config and inits");
  fails({"annotation", "--config", config_}, "only together");
  fails({"annotation", "--seeds", "0"}, "seeds = 0");
  fails({"annotation", "--metric-mode", "best"}, "metric-mode = 'best'");
  const std::string no_val = temp_.write("no_val.cfg", "[data]\ntrain = x\n");
  fails({"annotation", "--config", no_val, "--inits", "scratch="},
        "has no data.val");
  const std::string no_way = temp_.write(
      "no_way.cfg", kConfig + data_lines() + "[eval]\nevery_epochs = 0\n");
  fails({"convergence", "--config", no_way, "--inits", "scratch="},
        "eval.every_epochs = 0");
  const std::string odd = temp_.write("odd.cfg", "[schedule]\nlrr = 1\n");
  fails({"convergence", "--config", config_, "--inits", "odd=@" + odd},
        "schedule.lrr");
  expect_ok(plan({}));
  fails({"convergence", "--draw"}, "holds the experiment 'annotation'");
}

}  // namespace
}  // namespace voxlift::test
