#include "trainer/checkpoint/checkpoint_saver.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

constexpr CommConfig kDeadlines = {.first_deadline_s = 30.0,
                                   .deadline_s = 30.0};

TensorMap weights_of(double value) {
  return {{"a", torch::full({100}, value)},
          {"b", torch::full({30}, value + 1.0)}};
}

SaveRequest request_of(int64_t step, double value) {
  return {.step = step,
          .model = weights_of(value),
          .optimizer = weights_of(2.0 * value),
          .state = {{"step", step}},
          .protected_steps = {}};
}

class CheckpointSaverTest : public testing::Test {
 protected:
  using Body = std::function<void(Communicator&, CheckpointSaver&)>;

  // `ranks` threads with a saver each; rank `faulty_rank` has `plan`'s files.
  void run(int ranks, const Body& body, bool alone = false,
           int faulty_rank = -1, const test::FaultPlan& plan = {}) {
    run_thread_ranks(ranks, kDeadlines, [&](Communicator& comm) {
      RealFiles real;
      test::FaultyFiles faulty(plan);
      Files& files = comm.rank() == faulty_rank ? static_cast<Files&>(faulty)
                                                : static_cast<Files&>(real);
      CheckpointStore store(files, dir_.file("c"), 3);
      CheckpointSaver saver(comm, store, clock_,
                            {.align_bytes = 64, .alone = alone});
      body(comm, saver);
    });
  }

  static Body save_one(int64_t step, double value, SaveOutcome* outcome) {
    return [=](Communicator& comm, CheckpointSaver& saver) {
      saver.start(request_of(step, value));
      EXPECT_TRUE(saver.busy());
      const SaveOutcome mine = saver.wait();
      EXPECT_FALSE(saver.busy());
      if (comm.rank() == comm.size() - 1) {
        *outcome = mine;
      }
    };
  }

  std::string file(int64_t step, const char* name) const {
    return test::read_text(join_path(store_.path_of(step), name));
  }

  test::TempDir dir_;
  RealFiles files_;
  RealClock clock_;
  CheckpointStore store_{files_, dir_.file("c"), 3};
};

TEST_F(CheckpointSaverTest, WritesTheSameFilesOnAnyNumberOfRanks) {
  SaveOutcome outcome;
  run(1, save_one(1, 0.5, &outcome));
  EXPECT_EQ(outcome.code, ExitCode::kOk);
  const std::string model = file(1, kModelFile);
  const std::string optimizer = file(1, kOptimizerFile);
  for (const int ranks : {2, 3, 8}) {
    run(ranks, save_one(ranks, 0.5, &outcome));
    EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.message;
    EXPECT_EQ(outcome.step, ranks);
    EXPECT_EQ(file(ranks, kModelFile), model);
    EXPECT_EQ(file(ranks, kOptimizerFile), optimizer);
    const Checkpoint back = store_.load(ranks);
    EXPECT_TRUE(torch::equal(back.model[0].second, torch::full({100}, 0.5)));
    const Manifest manifest = read_manifest(files_, store_.path_of(ranks));
    EXPECT_EQ(manifest.files[0].pieces.size(), static_cast<size_t>(ranks));
    EXPECT_EQ(outcome.bytes,
              manifest.files[0].bytes() + manifest.files[1].bytes());
  }
}

TEST_F(CheckpointSaverTest, AloneRankZeroWritesEverything) {
  SaveOutcome outcome;
  run(3, save_one(4, 0.5, &outcome), true);
  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.message;
  const Manifest manifest = read_manifest(files_, store_.path_of(4));
  EXPECT_EQ(manifest.files[0].pieces.size(), 1U);
  EXPECT_EQ(store_.load(4).model.size(), 2U);
}

// Between two polls the training goes on: weights change as soon as they are
// copied, and what is written is what they were.
TEST_F(CheckpointSaverTest, WeightsMayMoveOnceTheyAreCopied) {
  run(2, [&](Communicator& /*comm*/, CheckpointSaver& saver) {
    for (int64_t step = 1; step <= 3; ++step) {
      SaveRequest request = request_of(step, static_cast<double>(step));
      const TensorMap weights = request.model;
      saver.start(std::move(request));
      saver.wait_copied();
      weights[0].second.fill_(99.0);
      std::optional<SaveOutcome> outcome;
      while (!outcome.has_value()) {
        outcome = saver.poll();
      }
      EXPECT_EQ(outcome->code, ExitCode::kOk);
    }
  });
  for (int64_t step = 1; step <= 3; ++step) {
    EXPECT_EQ(store_.load(step).model[0].second[50].item<double>(),
              static_cast<double>(step));
  }
}

TEST_F(CheckpointSaverTest, APollWithNothingInFlightSaysNothing) {
  run(2, [&](Communicator& /*comm*/, CheckpointSaver& saver) {
    EXPECT_EQ(saver.poll().has_value(), false);
    saver.wait_copied();
  });
}

// Any operation of any rank fails: all ranks are told by whom and where, the
// checkpoint before stays, and nothing unfinished is left.
TEST_F(CheckpointSaverTest, AFailingRankIsNamedOnAllRanks) {
  SaveOutcome outcome;
  run(3, save_one(1, 0.5, &outcome));
  for (const int rank : {0, 2}) {
    run(3, save_one(2, 0.5, &outcome), false, rank,
        {.fail_operation = rank == 0 ? 4 : 0});
    EXPECT_EQ(outcome.code, ExitCode::kIo);
    for (const std::string& part :
         {"rank " + std::to_string(rank) + " on ",
          std::string("checkpoint of step 2 not written: cannot write"),
          std::string("model.safetensors"),
          std::string("No space left on device")}) {
      EXPECT_NE(outcome.message.find(part), std::string::npos)
          << outcome.message;
    }
    EXPECT_EQ(files_.list_dir(dir_.file("c")),
              std::vector<std::string>{"step_00000001"});
  }
}

TEST_F(CheckpointSaverTest, EveryOperationThatFailsLeavesTheOneBefore) {
  SaveOutcome outcome;
  run(2, save_one(1, 0.5, &outcome));
  int64_t failed = 0;
  for (int64_t i = 0; i < 20; ++i) {
    run(2, save_one(2, 0.5, &outcome), false, 0, {.fail_operation = i});
    failed += outcome.code == ExitCode::kIo ? 1 : 0;
    std::vector<std::string> problems;
    EXPECT_TRUE(store_.newest_good(&problems).has_value());
    EXPECT_TRUE(problems.empty()) << problems[0];
    EXPECT_EQ(files_.list_dir(dir_.file("c")).size(), store_.steps().size());
    files_.remove_all(store_.path_of(2));
  }
  EXPECT_GE(failed, 9);
}

TEST_F(CheckpointSaverTest, WhatIsNotFiniteIsNeverWritten) {
  SaveOutcome outcome;
  run(2, [&](Communicator& comm, CheckpointSaver& saver) {
    SaveRequest request = request_of(3, 1.0);
    request.optimizer[1].second[29] = std::nanf("");
    saver.start(std::move(request));
    const SaveOutcome mine = saver.wait();
    if (comm.rank() == 0) {
      outcome = mine;
    }
  });
  EXPECT_EQ(outcome.code, ExitCode::kConfig);
  EXPECT_NE(outcome.message.find("'b' is not finite after step 3"),
            std::string::npos)
      << outcome.message;
  EXPECT_TRUE(store_.steps().empty());
}

}  // namespace
}  // namespace voxlift::trainer
