#include "trainer/reduce/gradient_reducer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "base/error.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kSlots = 4;

// Two layers; the second is not used where `skip_last`.
struct Net {
  torch::Tensor a = torch::full({3, 5}, 0.25).set_requires_grad(true);
  torch::Tensor b = torch::full({3}, 1.5).set_requires_grad(true);
  torch::Tensor unused = torch::ones({2}).set_requires_grad(true);

  std::vector<torch::Tensor> parameters() { return {a, b, unused}; }

  torch::Tensor loss(int64_t slot) {
    const torch::Tensor x =
        (torch::arange(5, torch::kFloat32) + 1.0) *
        std::pow(10.0, static_cast<double>(slot % 3) * 3.0 - 4.0);
    return (torch::mv(a, x).sin() * b).sum() * 1.1;
  }
};

struct Result {
  std::vector<torch::Tensor> gradients;
  torch::Tensor statistics;
};

Result reduce_on_rank(Communicator& comm, const std::string& reduction) {
  Net net;
  const int64_t local = kSlots / comm.size();
  GradientReducer reducer(net.parameters(), 2, local, comm,
                          {.reduction = reduction});
  Result result;
  for (int step = 0; step < 2; ++step) {  // The second must not see the first.
    for (int64_t v = 0; v < local; ++v) {
      const int64_t slot = comm.rank() * local + v;
      reducer.begin_slot(v);
      if (slot != 3) {  // An empty slot.
        reducer.set_statistics(torch::full({2}, static_cast<float>(slot)));
        net.loss(slot).backward();
      }
      reducer.end_slot();
    }
    reducer.finish();
  }
  for (const torch::Tensor& parameter : net.parameters()) {
    result.gradients.push_back(parameter.grad().clone());
  }
  result.statistics = reducer.statistics().clone();
  return result;
}

std::vector<Result> reduce_on(int ranks, const std::string& reduction) {
  std::vector<Result> results(static_cast<size_t>(ranks));
  run_thread_ranks(ranks, {}, [&](Communicator& comm) {
    results[static_cast<size_t>(comm.rank())] = reduce_on_rank(comm, reduction);
  });
  return results;
}

TEST(GradientReducerTest, ExactSumsAreTheSameBitsOnOneTwoAndFourRanks) {
  const Result one = reduce_on(1, "exact").front();
  for (const int ranks : {2, 4}) {
    for (const Result& other : reduce_on(ranks, "exact")) {
      for (size_t i = 0; i < one.gradients.size(); ++i) {
        EXPECT_TRUE(torch::equal(one.gradients[i], other.gradients[i]));
      }
      EXPECT_TRUE(torch::equal(one.statistics, other.statistics));
    }
  }
}

TEST(GradientReducerTest, SumsOverSlotsAndLeavesUnusedParametersAtZero) {
  for (const char* reduction : {"exact", "fast"}) {
    Net net;
    torch::Tensor expected_a = torch::zeros_like(net.a);
    for (const int64_t slot : {0, 1, 2}) {
      net.a.mutable_grad().reset();
      net.loss(slot).backward();
      expected_a += net.a.grad();
    }
    const Result result = reduce_on(2, reduction).front();
    EXPECT_TRUE(torch::allclose(result.gradients[0], expected_a, 1e-5));
    EXPECT_TRUE(torch::equal(result.gradients[2], torch::zeros({2})));
    EXPECT_TRUE(torch::equal(result.statistics, torch::full({2}, 3.0F)));
  }
}

TEST(GradientReducerTest, CutsParametersIntoBuckets) {
  SelfComm comm;
  const std::vector<torch::Tensor> parameters = {
      torch::zeros({200'000}).set_requires_grad(true),
      torch::zeros({200'000}).set_requires_grad(true),
      torch::zeros({200'000}).set_requires_grad(true)};
  const GradientReducer reducer(parameters, 1, 1, comm, {.bucket_mb = 1});
  EXPECT_EQ(reducer.num_buckets(), 1 + 2);  // Statistics, then 1.6 and 0.8 MB.
}

// Says that there are two ranks, and counts what it is asked to sum.
class CountingComm : public SelfComm {
 public:
  int size() const override { return 2; }

  void all_reduce_sum(Buffer /*buffer*/) override { ++num_sums; }

  std::atomic<int64_t> num_sums{0};
};

TEST(GradientReducerTest, SendsEveryBucketWhileBackwardRuns) {
  CountingComm comm;
  torch::Tensor a = torch::ones({400'000}).set_requires_grad(true);
  torch::Tensor b = torch::ones({400'000}).set_requires_grad(true);
  GradientReducer reducer({a, b}, 1, 1, comm,
                          {.reduction = "fast", .bucket_mb = 1});
  reducer.begin_slot(0);
  const torch::Tensor loss = (a * b).sum();
  reducer.set_statistics(torch::ones({1}));
  loss.backward();
  // Before end_slot and finish: statistics and both parameters' buckets.
  EXPECT_TRUE(
      test::eventually([&] { return comm.num_sums.load() == 3; }, 10.0));
  reducer.end_slot();
  reducer.finish();
  EXPECT_EQ(comm.num_sums.load(), 3);
}

TEST(GradientReducerTest, AFailureInBackwardDoesNotWaitForThePeers) {
  test::expect_error<DataError>(
      [] {
        run_thread_ranks(2, {}, [](Communicator& comm) {
          Net net;
          GradientReducer reducer(net.parameters(), 1, 1, comm, {});
          reducer.begin_slot(0);
          net.loss(0).backward();
          if (comm.rank() == 0) {
            throw DataError("a damaged sample");
          }
          reducer.end_slot();
          reducer.finish();
        });
      },
      {"a damaged sample"});
}

TEST(ReducerConfigTest, NamesTheLegalReductions) {
  test::expect_error<ConfigError>(
      [] { ReducerConfig{.reduction = "slow"}.validate("reduce."); },
      {"reduce.reduction = 'slow'", "'exact' or 'fast'"});
}

}  // namespace
}  // namespace voxlift::trainer
