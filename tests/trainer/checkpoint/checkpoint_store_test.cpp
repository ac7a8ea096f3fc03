#include "trainer/checkpoint/checkpoint_store.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace voxlift::trainer {
namespace {

Checkpoint checkpoint_of(double value) {
  return {.model = {{"w", torch::full({3}, value)}},
          .optimizer = {{"w", torch::full({3}, 2.0 * value)}},
          .state = {{"step", value}}};
}

class CheckpointStoreTest : public testing::Test {
 protected:
  void flip_byte(const std::string& path, size_t position) {
    std::string content = test::read_text(path);
    content[position] = static_cast<char>(content[position] ^ 1);
    const std::array pieces = {as_bytes(content)};
    files_.write_durable(path, pieces);
  }

  test::TempDir temp_;
  RealFiles files_;
  CheckpointStore store_{files_, temp_.file("c"), 2};
};

TEST_F(CheckpointStoreTest, GivesBackWhatItWasGiven) {
  store_.save(7, checkpoint_of(1.5));
  const Checkpoint back = store_.load(7);
  EXPECT_TRUE(torch::equal(back.model[0].second, torch::full({3}, 1.5)));
  EXPECT_TRUE(torch::equal(back.optimizer[0].second, torch::full({3}, 3.0)));
  EXPECT_EQ(back.state["step"], 1.5);
}

TEST_F(CheckpointStoreTest, KeepsTheNewest) {
  for (const int64_t step : {1, 2, 10}) {
    store_.save(step, checkpoint_of(1));
  }
  EXPECT_EQ(store_.steps(), (std::vector<int64_t>{10, 2}));
}

TEST_F(CheckpointStoreTest, NeverRemovesWhatIsSavedBehindADamagedNewerOne) {
  CheckpointStore store(files_, temp_.file("c"), 1);
  store.save(6, checkpoint_of(6));
  flip_byte(join_path(store.path_of(6), "model.safetensors"), 100);
  store.save(1, checkpoint_of(1));
  store.save(2, checkpoint_of(2));
  std::vector<std::string> problems;
  EXPECT_EQ(store.newest_good(&problems), 2);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{6, 2}));
}

TEST_F(CheckpointStoreTest, FallsBackFromAFlippedBitAndNamesIt) {
  store_.save(1, checkpoint_of(1));
  store_.save(2, checkpoint_of(2));
  flip_byte(join_path(store_.path_of(2), "model.safetensors"), 100);
  std::vector<std::string> problems;
  EXPECT_EQ(store_.newest_good(&problems), 1);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("step 2 is damaged"), std::string::npos);
  EXPECT_NE(problems[0].find("model.safetensors' has checksum"),
            std::string::npos);
  EXPECT_NE(problems[0].find("the manifest says"), std::string::npos);
}

TEST_F(CheckpointStoreTest, FallsBackFromATruncatedOrMissingFile) {
  store_.save(1, checkpoint_of(1));
  store_.save(2, checkpoint_of(2));
  files_.remove_all(join_path(store_.path_of(2), "manifest.json"));
  std::vector<std::string> problems;
  EXPECT_EQ(store_.newest_good(&problems), 1);
  EXPECT_NE(problems.at(0).find("manifest.json"), std::string::npos);
}

TEST_F(CheckpointStoreTest, HasNothingGoodWhereAllAreDamaged) {
  store_.save(1, checkpoint_of(1));
  flip_byte(join_path(store_.path_of(1), "state.json"), 3);
  std::vector<std::string> problems;
  EXPECT_EQ(store_.newest_good(&problems), std::nullopt);
  EXPECT_EQ(problems.size(), 1U);
}

// Every operation of a save fails in turn: the old checkpoint stays good, and
// the new one is whole or not there.
TEST_F(CheckpointStoreTest, NeverLeavesATornCheckpoint) {
  test::FaultyFiles counting({});
  CheckpointStore(counting, temp_.file("count"), 2).save(5, checkpoint_of(5));
  for (int64_t i = 0; i < counting.num_operations(); ++i) {
    const std::string dir = temp_.file("op" + std::to_string(i));
    CheckpointStore(files_, dir, 2).save(4, checkpoint_of(4));
    test::FaultyFiles faulty({.fail_operation = i, .stay_down = true});
    CheckpointStore broken(faulty, dir, 2);
    EXPECT_THROW(broken.save(5, checkpoint_of(5)), IoError) << i;
    CheckpointStore after(files_, dir, 2);
    std::vector<std::string> problems;
    const auto newest = after.newest_good(&problems);
    ASSERT_TRUE(newest.has_value()) << i;
    EXPECT_TRUE(problems.empty()) << problems[0];
    after.remove_leftovers();
    EXPECT_EQ(files_.list_dir(dir).size(), after.steps().size());
  }
}

TEST_F(CheckpointStoreTest, AFullDiskIsOneClearErrorAndLeavesNothing) {
  store_.save(1, checkpoint_of(1));
  test::FaultyFiles full({.cut_at_byte = 100});
  CheckpointStore store(full, temp_.file("c"), 2);
  test::expect_error<IoError>([&] { store.save(2, checkpoint_of(2)); },
                              {"checkpoint of step 2 not written",
                               "model.safetensors", "No space left on device"});
  EXPECT_EQ(files_.list_dir(temp_.file("c")),
            std::vector<std::string>{"step_00000001"});
}

TEST_F(CheckpointStoreTest, RefusesANewerFormat) {
  store_.save(1, checkpoint_of(1));
  files_.publish(join_path(store_.path_of(1), "manifest.json"),
                 R"({"format":"voxlift-checkpoint","version":9,"files":[]})");
  test::expect_error<DataError>([&] { store_.load(1); },
                                {"version is 9", "reads 1 to 2"});
}

TEST_F(CheckpointStoreTest, KeepsWhatIsProtected) {
  store_.save(1, checkpoint_of(1));
  store_.save(2, checkpoint_of(2));
  for (const int64_t step : {3, 4}) {
    store_.prepare(step, 0, 0);
    store_.publish(step, {}, Json::object(), {1});
  }
  EXPECT_EQ(store_.steps(), (std::vector<int64_t>{4, 3, 1}));
}

TEST_F(CheckpointStoreTest, SeesTheProbeOfItsOwnFolderOnly) {
  CheckpointStore other(files_, temp_.file("other"), 2);
  store_.set_suffix("0001");
  other.set_suffix("0001");
  store_.leave_probe();
  EXPECT_TRUE(store_.sees_probe());
  EXPECT_FALSE(other.sees_probe());
  store_.remove_probe();
  EXPECT_FALSE(store_.sees_probe());
}

// Golden: checkpoints of version 1 stay readable.
TEST_F(CheckpointStoreTest, ReadsVersion1) {
  const std::string head =
      std::string("\x58\0\0\0\0\0\0\0", 8) +
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[3],)" +
      R"("data_offsets":[0,12]}}  )";
  const auto numbers = [](const char* bytes) {
    return std::string(bytes, 4) + std::string(bytes, 4) +
           std::string(bytes, 4);
  };
  temp_.write("c/step_00000007/model.safetensors",
              head + numbers("\0\0\xC0\x3F"));
  temp_.write("c/step_00000007/optimizer.safetensors",
              head + numbers("\0\0\x40\x40"));
  temp_.write("c/step_00000007/state.json", "{\n  \"step\": 7\n}\n");
  temp_.write("c/step_00000007/manifest.json", R"({
  "format": "voxlift-checkpoint",
  "version": 1,
  "files": [
    {"name": "model.safetensors", "bytes": 108, "crc32c": "82b4319c"},
    {"name": "optimizer.safetensors", "bytes": 108, "crc32c": "cfec7520"},
    {"name": "state.json", "bytes": 16, "crc32c": "df125ab6"}
  ]
})");
  std::vector<std::string> problems;
  EXPECT_EQ(store_.newest_good(&problems), 7);
  const Checkpoint back = store_.load(7);
  EXPECT_TRUE(torch::equal(back.model[0].second, torch::full({3}, 1.5)));
  EXPECT_TRUE(torch::equal(back.optimizer[0].second, torch::full({3}, 3.0)));
  EXPECT_EQ(back.state["step"], 7);
}

}  // namespace
}  // namespace voxlift::trainer
