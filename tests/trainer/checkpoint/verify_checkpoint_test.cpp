#include "trainer/checkpoint/verify_checkpoint.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/tensor_header.h"

namespace voxlift::trainer {
namespace {

std::string tensor_file(const std::string& header, size_t data_bytes) {
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  return text + header + std::string(data_bytes, 'x');
}

const char* const kHeader =
    R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

Json good_state(int64_t step) {
  return {{"step", step},
          {"samples_seen", 1},
          {"evaluated_step", -1},
          {"world_size", 1},
          {"classes", {"a"}},
          {"config", Json::object()},
          {"identity",
           {{"seed", 1},
            {"slots", 1},
            {"slot_batch", 1},
            {"reduction", "exact"},
            {"steps_per_epoch", 3},
            {"data", "0"},
            {"model", Json::object()}}}};
}

class VerifyCheckpointTest : public testing::Test {
 protected:
  VerifyCheckpointTest() { write(good_state(7), kHeader); }

  // A checkpoint whose checksums are right, whatever it says.
  void write(const Json& state, const std::string& header) {
    Manifest manifest;
    const auto add = [&](const char* name, const std::string& content) {
      dir_.write(str_cat("run/checkpoints/step_00000007/", name), content);
      manifest.files.push_back(manifest_file(name, as_bytes(content)));
    };
    add(kModelFile, tensor_file(header, 8));
    add(kOptimizerFile, tensor_file(kHeader, 8));
    add(kStateFile, state.dump(2));
    dir_.write("run/checkpoints/step_00000007/manifest.json", manifest.text());
  }

  void expect_one_problem(std::initializer_list<std::string> parts) {
    const std::vector<std::string> problems = verify_checkpoint(step_, files_);
    ASSERT_EQ(problems.size(), 1U);
    for (const std::string& part : parts) {
      EXPECT_NE(problems[0].find(part), std::string::npos) << problems[0];
    }
  }

  test::TempDir dir_;
  RealFiles files_;
  const std::string run_ = dir_.file("run");
  const std::string step_ = dir_.file("run/checkpoints/step_00000007");
};

TEST_F(VerifyCheckpointTest, FindsNothingWhereAllIsGood) {
  EXPECT_TRUE(is_checkpoint_dir(step_, files_));
  EXPECT_EQ(checkpoints_in(run_, files_), std::vector<std::string>{step_});
  EXPECT_EQ(verify_checkpoint(step_, files_), std::vector<std::string>{});
  EXPECT_EQ(verify_run(run_, files_), std::vector<std::string>{});
}

// One bit at each of 200 random positions of all four files; the script
// scripts/prove/checkpoint_damage.sh takes 1,000 of a real checkpoint.
TEST_F(VerifyCheckpointTest, FindsAFlippedBitWhereverItIs) {
  std::mt19937 random(1);
  const std::vector<std::string> names = files_.list_dir(step_);
  ASSERT_EQ(names.size(), 4U);
  for (int i = 0; i < 200; ++i) {
    const std::string path = join_path(step_, names[random() % names.size()]);
    const std::string good = test::read_text(path);
    std::string bad = good;
    const size_t position = random() % bad.size();
    bad[position] = static_cast<char>(bad[position] ^ (1U << (random() % 8)));
    dir_.write(path.substr(dir_.path().size() + 1), bad);
    EXPECT_FALSE(verify_checkpoint(step_, files_).empty())
        << path << " byte " << position;
    dir_.write(path.substr(dir_.path().size() + 1), good);
  }
}

TEST_F(VerifyCheckpointTest, NamesEachProblemOfACheckpoint) {
  files_.remove_all(join_path(step_, kModelFile));
  dir_.write("run/checkpoints/step_00000007/state.json", "{}");
  const std::vector<std::string> problems = verify_checkpoint(step_, files_);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_NE(problems[0].find("is missing"), std::string::npos);
  EXPECT_NE(problems[1].find("has 2 bytes"), std::string::npos);
}

TEST_F(VerifyCheckpointTest, NamesAFileThatTheManifestDoesNotHave) {
  dir_.write("run/checkpoints/step_00000007/manifest.json", Manifest{}.text());
  EXPECT_EQ(verify_checkpoint(step_, files_).size(), 3U);
}

TEST_F(VerifyCheckpointTest, NamesAStateThatDoesNotFit) {
  write(good_state(8), kHeader);
  expect_one_problem({"step is 8", "the folder's name says 7"});
  Json state = good_state(7);
  state["identity"].erase("slots");
  write(state, kHeader);
  expect_one_problem({"state.json, identity", "slots"});
}

TEST_F(VerifyCheckpointTest, NamesTensorsThatDoNotLieWhereTheyShould) {
  write(good_state(7),
        R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})");
  expect_one_problem({"tensor 'w'", "data_offsets are [0,4]", "[0,8]"});
  write(good_state(7),
        R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})");
  expect_one_problem({"the tensors have 4 bytes, the file 8"});
  write(good_state(7),
        R"({"w":{"dtype":"X","shape":[2],"data_offsets":[0,8]}})");
  expect_one_problem({"unknown dtype 'X'"});
  write(good_state(7),
        R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})");
  expect_one_problem({"impossible dimension -2"});
}

TEST_F(VerifyCheckpointTest, NamesARunWithoutItsLastCheckpoint) {
  dir_.write("run/result.json", R"({"steps":7})");
  EXPECT_EQ(verify_run(run_, files_), std::vector<std::string>{});
  dir_.write("run/result.json", R"({"steps":9})");
  const std::vector<std::string> problems = verify_run(run_, files_);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("after 9 steps"), std::string::npos);
  EXPECT_NE(problems[0].find("of step 7"), std::string::npos);
}

TEST_F(VerifyCheckpointTest, NamesABestCheckpointThatIsNotThere) {
  dir_.write("run/best.json",
             R"({"best":[{"checkpoint":"checkpoints/step_00000007"},)"
             R"({"checkpoint":"checkpoints/step_00000004"}]})");
  const std::vector<std::string> problems = verify_run(run_, files_);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("step_00000004', which is not there"),
            std::string::npos);
}

TEST(TensorHeaderTest, RefusesAHeaderLongerThanTheFile) {
  const test::TempDir dir;
  const std::string path = dir.write("a", std::string(8, '\x7F') + "{}");
  test::expect_error<DataError>([&] { read_tensor_headers(path); },
                                {"the header has", "the file 2 after it"});
}

}  // namespace
}  // namespace voxlift::trainer
