#include "trainer/infer/predict_run.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "dataio/decode/volume_file.h"
#include "dataio/encode/nifti_mask.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/comm/self_comm.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

using test::expect_error;

constexpr dataio::Affine kAffine = {
    {{0, 0.5, 1.5, -3}, {0.25, 2, 0, 4}, {-2.5, 0, 0.5, 5}}};

// Label 1 where the scan's voxel is above 100.
torch::Tensor threshold_network(const torch::Tensor& x_NCDHW) {
  return torch::cat({torch::zeros_like(x_NCDHW), x_NCDHW - 100.0}, 1);
}

// Two classes, the brighter the surer of the second.
torch::Tensor brightness_network(const torch::Tensor& x_NCDHW) {
  const torch::Tensor mean = x_NCDHW.mean({1, 2, 3, 4}) / 100.0;
  return torch::stack({torch::zeros_like(mean), mean}, 1);
}

class PredictRunTest : public ::testing::Test {
 protected:
  // Scan k: 6 x 5 x 4 voxels of value 30 k, and one of 200.
  void write_scan(int k) {
    std::vector<uint8_t> voxels(120, static_cast<uint8_t>(30 * k));
    voxels[static_cast<size_t>(k)] = 200;
    const std::string id = str(k);
    dir_.write("scans/" + id + ".nii.gz",
               std::string(as_text(dataio::encode_nifti_mask_gz(
                   voxels, {{6, 5, 4}, {2.5, 2, 1.5}, kAffine}))));
    add(id);
  }

  void add(const std::string& id) {
    ScanToPredict scan;
    scan.id = id;
    scan.file.path = dir_.file("scans/" + id + ".nii.gz");
    plan_.scans.push_back(scan);
  }

  static std::string str(int k) { return "sub/scan_" + std::to_string(k); }

  PredictPlan plan(const std::string& out) const {
    PredictPlan plan = plan_;
    plan.out = dir_.file(out);
    plan.made_with = {{"weights", "a"}, {"recipe", recipe_}};
    plan.recipe = dataio::parse_recipe(recipe_);
    plan.transform.shape = {4, 4, 4};
    plan.transform.normalize = "none";
    return plan;
  }

  static std::unique_ptr<ScanPredictor> masks() {
    SegmentConfig config;
    config.window.window = {2, 4, 4};
    return make_mask_predictor(threshold_network, {"background", "bright"},
                               config);
  }

  static std::unique_ptr<ScanPredictor> classes() {
    dataio::VolumeTransformConfig transform;
    transform.shape = {4, 4, 4};
    transform.normalize = "none";
    return make_class_predictor(brightness_network, {"dark", "bright"},
                                transform);
  }

  PredictOutcome predict(const PredictPlan& plan, ScanPredictor& predictor) {
    SelfComm comm;
    return run_predictions(plan, predictor, files_, comm, clock_);
  }

  // Everything that a run has written, by its name below the folder.
  std::string content(const std::string& out) const {
    std::string text = test::read_text(dir_.file(out + "/volumes.csv"));
    for (const ScanToPredict& scan : plan_.scans) {
      const std::string path = dir_.file(out + "/" + scan.id + ".nii.gz");
      text += files_.exists(path) ? test::read_text(path) : "none";
    }
    return text;
  }

  test::TempDir dir_;
  std::string recipe_;
  PredictPlan plan_;
  mutable RealFiles files_;
  RealClock clock_;
};

TEST_F(PredictRunTest, MasksLieOnTheScansGrid) {
  for (int k = 0; k < 3; ++k) {
    write_scan(k);
  }
  recipe_ = "orient:RAS";
  const auto predictor = masks();
  const PredictOutcome outcome = predict(plan("out"), *predictor);
  EXPECT_EQ(outcome.done, 3);
  EXPECT_TRUE(outcome.failed.empty());
  const dataio::Volume mask =
      dataio::read_volume({.path = dir_.file("out/sub/scan_2.nii.gz")});
  const dataio::Volume scan = dataio::read_volume(plan_.scans[2].file);
  EXPECT_EQ(mask.shape, scan.shape);
  EXPECT_EQ(mask.affine, scan.affine);
  EXPECT_EQ(mask.spacing_mm, scan.spacing_mm);
  for (size_t i = 0; i < mask.voxels.size(); ++i) {
    EXPECT_EQ(mask.voxels[i], i == 2 ? 1.0F : 0.0F);
  }
  EXPECT_EQ(test::read_text(dir_.file("out/volumes.csv")),
            "scan,bright_ml\nsub/scan_0,0.0075\nsub/scan_1,0.0075\n"
            "sub/scan_2,0.0075\n");
}

TEST_F(PredictRunTest, ScoresAreATable) {
  write_scan(1);
  write_scan(5);
  const auto predictor = classes();
  predict(plan("out"), *predictor);
  const std::string table = test::read_text(dir_.file("out/scores.csv"));
  EXPECT_TRUE(
      table.starts_with("scan,predicted,dark,bright\nsub/scan_1,bright,"))
      << table;
}

TEST_F(PredictRunTest, AnyNumberOfRanksGivesTheSameFiles) {
  for (int k = 0; k < 5; ++k) {
    write_scan(k);
  }
  const auto predictor = masks();
  predict(plan("out_1"), *predictor);
  for (const int ranks : {2, 3, 4, 7}) {
    const std::string out = "out_" + std::to_string(ranks);
    run_thread_ranks(ranks, {}, [&](Communicator& comm) {
      const auto own = masks();
      RealFiles files;
      const RealClock clock;
      run_predictions(plan(out), *own, files, comm, clock);
    });
    EXPECT_EQ(content(out), content("out_1")) << ranks;
  }
}

TEST_F(PredictRunTest, AnUnreadableScanIsLeftOut) {
  write_scan(0);
  dir_.write("scans/bad.nii.gz", "no scan");
  add("bad");
  write_scan(1);
  add("missing");
  for (const int ranks : {1, 2, 3}) {
    testing::internal::CaptureStderr();
    run_thread_ranks(ranks, {}, [&](Communicator& comm) {
      const auto own = masks();
      RealFiles files;
      const RealClock clock;
      const auto outcome = run_predictions(plan("out_" + std::to_string(ranks)),
                                           *own, files, comm, clock);
      EXPECT_EQ(outcome.done, 2);
      EXPECT_EQ(outcome.failed, (std::vector<std::string>{"bad", "missing"}));
    });
    const std::string lines = testing::internal::GetCapturedStderr();
    for (const char* part : {"voxlift predict: left out bad: DataError: ",
                             "voxlift predict: left out missing: IoError: "}) {
      const size_t first = lines.find(part);
      EXPECT_NE(first, std::string::npos) << lines;
      EXPECT_EQ(lines.find(part, first + 1), std::string::npos) << lines;
    }
    EXPECT_TRUE(files_.exists(
        dir_.file("out_" + std::to_string(ranks) + "/sub/scan_1.nii.gz")));
  }
}

TEST_F(PredictRunTest, TakesUpWhatWasInterrupted) {
  for (int k = 0; k < 3; ++k) {
    write_scan(k);
  }
  const auto predictor = masks();
  predict(plan("whole"), *predictor);
  plan_.scans.resize(2);
  predict(plan("out"), *predictor);
  add(str(2));
  const PredictOutcome outcome = predict(plan("out"), *predictor);
  EXPECT_EQ(outcome.kept, 2);
  EXPECT_EQ(outcome.done, 1);
  EXPECT_EQ(content("out"), content("whole"));
}

TEST_F(PredictRunTest, RefusesAFolderOfOtherPredictions) {
  write_scan(0);
  const auto predictor = masks();
  predict(plan("out"), *predictor);
  recipe_ = "orient:RAS";
  expect_error<ConfigError>(
      [&] { predict(plan("out"), *predictor); },
      {"holds predictions made with recipe \"\", not \"orient:RAS\""});
}

}  // namespace
}  // namespace voxlift::trainer
