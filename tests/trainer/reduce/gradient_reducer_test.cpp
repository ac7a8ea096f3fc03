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

constexpr int64_t kSlots = 8;

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
      if (slot != 3 && slot != 6) {  // Empty slots: an odd and an even one.
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

TEST(GradientReducerTest, ExactSumsAreTheSameBitsOnOneToEightRanks) {
  const Result one = reduce_on(1, "exact").front();
  for (const int ranks : {2, 4, 8}) {
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
    for (const int64_t slot : {0, 1, 2, 4, 5, 7}) {
      net.a.mutable_grad().reset();
      net.loss(slot).backward();
      expected_a += net.a.grad();
    }
    const Result result = reduce_on(2, reduction).front();
    EXPECT_TRUE(torch::allclose(result.gradients[0], expected_a, 1e-5));
    EXPECT_TRUE(torch::equal(result.gradients[2], torch::zeros({2})));
    EXPECT_TRUE(torch::equal(result.statistics, torch::full({2}, 19.0F)));
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

// Gives out memory, as MpiComm does, and notes what is summed.
class LendingComm : public SelfComm {
 public:
  int size() const override { return 2; }

  std::span<std::byte> allocate_shared(int64_t bytes) override {
    memory.resize(static_cast<size_t>(bytes));
    return memory;
  }

  void all_reduce_tree(Buffer buffer,
                       const TreeArithmetic& /*arithmetic*/) override {
    sums.push_back(buffer);
  }

  std::vector<std::byte> memory;
  std::vector<Buffer> sums;
};

TEST(GradientReducerTest, SumsLieInMemoryOfTheCommunicator) {
  for (const int64_t local_slots : {1, 2, 4}) {
    LendingComm comm;
    Net net;
    GradientReducer reducer(net.parameters(), 2, local_slots, comm,
                            {.bucket_mb = 1});
    for (int64_t slot = 0; slot < local_slots; ++slot) {
      reducer.begin_slot(slot);
      net.loss(slot).backward();
      reducer.end_slot();
    }
    reducer.finish();
    ASSERT_EQ(comm.sums.size(), 2U);
    for (const Buffer& sum : comm.sums) {
      const auto* begin = static_cast<const std::byte*>(sum.data);
      EXPECT_GE(begin, comm.memory.data());
      EXPECT_LE(begin + sum.bytes(), comm.memory.data() + comm.memory.size());
    }
  }
}

TEST(GradientReducerTest, MeasuresTheSizeOfItsBuckets) {
  LendingComm comm;
  const std::vector<torch::Tensor> parameters = {
      torch::zeros({1'000'000}).set_requires_grad(true)};
  const GradientReducer reducer(parameters, 1, 1, comm, {.bucket_mb = 0});
  ASSERT_EQ(comm.sums.size(), 6U);  // 1, 2 and 4 MB, each twice.
  EXPECT_EQ(comm.sums.back().bytes(), 4'000'000);
}

TEST(GradientReducerTest, OrdersBucketsByReadinessFromTheSecondStepOn) {
  LendingComm comm;
  // Registered in the order of use of nobody: `late` is ready last.
  torch::Tensor late = torch::ones({400'000}).set_requires_grad(true);
  torch::Tensor early = torch::ones({300'000}).set_requires_grad(true);
  GradientReducer reducer({early, late}, 1, 1, comm, {.bucket_mb = 1});
  std::vector<std::vector<int64_t>> counts;
  for (int step = 0; step < 2; ++step) {
    comm.sums.clear();
    reducer.begin_slot(0);
    ((late * 2).narrow(0, 0, 300'000).exp() * early).sum().backward();
    reducer.end_slot();
    reducer.finish();
    counts.emplace_back();
    for (const Buffer& sum : comm.sums) {
      counts.back().push_back(sum.count);
    }
    EXPECT_TRUE(torch::allclose(
        early.grad(), (late * 2).narrow(0, 0, 300'000).exp().detach()));
  }
  EXPECT_EQ(counts[0], (std::vector<int64_t>{1, 400'000, 300'000}));
  EXPECT_EQ(counts[1], (std::vector<int64_t>{1, 300'000, 400'000}));
}

TEST(GradientReducerTest, TracesEverySum) {
  const RealClock clock;
  Trace trace(clock, 0);
  LendingComm comm;
  Net net;
  GradientReducer reducer(net.parameters(), 2, 1, comm, {.bucket_mb = 1});
  reducer.set_trace(&trace);
  reducer.begin_slot(0);
  net.loss(0).backward();
  reducer.end_slot();
  reducer.finish();
  const Json events = trace.to_json()["traceEvents"];
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1]["name"], "bucket 1, 20 values");
  EXPECT_EQ(events[1]["tid"], "communication");
}

TEST(ReducerConfigTest, RefusesANegativeBucket) {
  test::expect_error<ConfigError>(
      [] { ReducerConfig{.bucket_mb = -1}.validate("reduce."); },
      {"reduce.bucket_mb = -1", "at least 1, or 0"});
}

TEST(ReducerConfigTest, CompressesOnlyWithFast) {
  test::expect_error<ConfigError>(
      [] { ReducerConfig{.compress = "fp8"}.validate("reduce."); },
      {"reduce.compress = 'fp8'", "'none' or 'bf16'"});
  test::expect_error<ConfigError>(
      [] { ReducerConfig{.compress = "bf16"}.validate("reduce."); },
      {"reduce.compress = 'bf16' needs reduce.reduction = 'fast'"});
  ReducerConfig{.reduction = "fast", .compress = "bf16"}.validate("reduce.");
}

TEST(ReducerConfigTest, NamesTheLegalReductions) {
  test::expect_error<ConfigError>(
      [] { ReducerConfig{.reduction = "slow"}.validate("reduce."); },
      {"reduce.reduction = 'slow'", "'exact' or 'fast'"});
}

}  // namespace
}  // namespace voxlift::trainer
