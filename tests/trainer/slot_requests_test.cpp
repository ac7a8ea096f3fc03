#include "trainer/slot_requests.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/tiny_world.h"
#include "trainer/comm/thread_comm.h"
#include "trainer/evaluate.h"
#include "trainer/input/collate.h"
#include "trainer/task/classification.h"

namespace voxlift::trainer {
namespace {

struct Shape {
  int64_t samples;
  int64_t slots;
  int64_t slot_batch;
};

// What one rank loads over two epochs, as (step of the run, slot) -> samples.
using Loaded = std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>>;

void load_rank(const sharding::AssignmentConfig& assignment, int64_t rank,
               int64_t ranks, int64_t begin, int64_t steps_per_epoch,
               Loaded* loaded) {
  const auto slots = sharding::slots_of_rank(assignment.slots, rank, ranks);
  auto next = slot_requests(assignment, slots, begin, 2 * steps_per_epoch);
  while (auto request = next()) {
    const int64_t step = request->epoch * steps_per_epoch + request->step;
    const bool fresh =
        loaded->emplace(std::pair(step, request->slot), request->ids).second;
    EXPECT_TRUE(fresh) << "slot " << request->slot << " loaded twice";
  }
}

class SlotRequestsTest : public testing::TestWithParam<Shape> {};

TEST_P(SlotRequestsTest, EverySampleOncePerEpochOnOneToEightRanks) {
  const Shape shape = GetParam();
  const sharding::AssignmentConfig assignment = {.num_samples = shape.samples,
                                                 .slots = shape.slots,
                                                 .slot_batch = shape.slot_batch,
                                                 .seed = 9};
  const int64_t steps = sharding::EpochAssignment(assignment, 0).num_steps();
  Loaded one;
  load_rank(assignment, 0, 1, 0, steps, &one);
  for (int64_t ranks = 1; ranks <= 8; ++ranks) {
    if (shape.slots % ranks != 0) {
      EXPECT_THROW(sharding::slots_of_rank(shape.slots, 0, ranks), ConfigError);
      continue;
    }
    Loaded all;
    for (int64_t rank = 0; rank < ranks; ++rank) {
      load_rank(assignment, rank, ranks, 0, steps, &all);
    }
    EXPECT_EQ(all, one) << ranks << " ranks";
  }
  for (const int64_t epoch : {0, 1}) {
    std::map<int64_t, int64_t> seen;
    for (int64_t step = 0; step < steps; ++step) {
      int64_t in_step = 0;
      for (int64_t slot = 0; slot < shape.slots; ++slot) {
        for (const int64_t id : one.at({epoch * steps + step, slot})) {
          ++seen[id];
          ++in_step;
        }
      }
      EXPECT_EQ(in_step, step_size(assignment, step));
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), shape.samples);
    for (const auto& [id, count] : seen) {
      EXPECT_EQ(count, 1) << "sample " << id;
    }
  }
}

TEST_P(SlotRequestsTest, AResumedStreamGoesOnWhereTheOtherStopped) {
  const Shape shape = GetParam();
  const sharding::AssignmentConfig assignment = {.num_samples = shape.samples,
                                                 .slots = shape.slots,
                                                 .slot_batch = shape.slot_batch,
                                                 .seed = 9};
  const int64_t steps = sharding::EpochAssignment(assignment, 0).num_steps();
  Loaded whole;
  load_rank(assignment, 0, 1, 0, steps, &whole);
  // The first step of an epoch, its last, and one past it.
  for (const int64_t begin : {int64_t{0}, steps - 1, steps, steps + 1}) {
    Loaded rest;
    load_rank(assignment, 0, 1, begin, steps, &rest);
    for (const auto& [key, ids] : rest) {
      EXPECT_GE(key.first, begin);
      EXPECT_EQ(whole.at(key), ids);
    }
    EXPECT_EQ(static_cast<int64_t>(rest.size()),
              std::max<int64_t>(0, 2 * steps - begin) * shape.slots);
  }
}

INSTANTIATE_TEST_SUITE_P(OddSizes, SlotRequestsTest,
                         testing::Values(Shape{1, 1, 1}, Shape{7, 2, 3},
                                         Shape{8, 8, 1}, Shape{9, 8, 1},
                                         Shape{53, 4, 3}, Shape{101, 8, 5},
                                         Shape{1000, 8, 32}, Shape{997, 1, 10},
                                         Shape{3, 8, 4}));

// Batches of 3 over 8 cases on any number of ranks, idle ones included.
TEST(EvaluateTest, CountsEveryCaseOnceOnOneToEightRanks) {
  test::TinyWorld world;
  const TrainConfig config = world.config("out");
  const sharding::Dataset dataset(config.data.val, {});
  const auto loader = make_eval_loader(config, dataset);
  const RealClock clock;
  Json expected;
  for (int ranks = 1; ranks <= 8; ++ranks) {
    run_thread_ranks(ranks, config.comm, [&](Communicator& comm) {
      ModelConfig model_config = config.model;
      model_config.classes = 4;
      Classifier model(model_config);
      initialize(*model, 1);
      Classification task(model, {});
      const Json scores =
          evaluate(task, {dataset, *loader}, {.batch = 3}, comm, clock);
      EXPECT_EQ(scores["cases"], 8);
      if (ranks == 1) {
        expected = scores;
      }
      EXPECT_EQ(scores, expected) << ranks << " ranks";
    });
  }
}

}  // namespace
}  // namespace voxlift::trainer
