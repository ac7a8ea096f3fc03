#include "trainer/reduce/compressed_sum.h"

#include <gtest/gtest.h>

#include <limits>

#include "trainer/comm/thread_comm.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kCount = 1000;

torch::Tensor values_of(int rank) {
  return torch::arange(kCount, torch::kFloat32).sin() *
         (static_cast<float>(rank) + 1.0F);
}

class CompressedSumTest : public testing::TestWithParam<int> {};

TEST_P(CompressedSumTest, IsTheSumToEightBitsAndTheSameOnEveryRank) {
  const int ranks = GetParam();
  std::vector<torch::Tensor> sums(static_cast<size_t>(ranks));
  run_thread_ranks(ranks, {}, [&](Communicator& comm) {
    const torch::Tensor sum = values_of(comm.rank());
    CompressedSum(comm, kCount, torch::kFloat32).all_reduce(sum, 0);
    sums[static_cast<size_t>(comm.rank())] = sum;
  });
  torch::Tensor expected = torch::zeros({kCount});
  for (int r = 0; r < ranks; ++r) {
    expected += values_of(r);
    EXPECT_TRUE(torch::equal(sums[static_cast<size_t>(r)], sums.front()));
  }
  EXPECT_TRUE(torch::allclose(sums.front(), expected, 0.0078125, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(Ranks, CompressedSumTest, testing::Values(2, 3, 4, 7));

// 1 + 2^-10 is 1 in bfloat16; what is left out comes in a later step.
TEST(CompressedSumTest, LosesNothingOverManySteps) {
  constexpr int kSteps = 64;
  run_thread_ranks(2, {}, [&](Communicator& comm) {
    CompressedSum compressed(comm, kCount, torch::kFloat32);
    torch::Tensor total = torch::zeros({kCount}, torch::kFloat64);
    for (int step = 0; step < kSteps; ++step) {
      const torch::Tensor sum =
          torch::full({kCount}, comm.rank() == 0 ? 1.0F : 0.0009765625F);
      compressed.all_reduce(sum, 0);
      total += sum;
    }
    const double expected = kSteps * 1.0009765625;
    EXPECT_LE((total - expected).abs().max().item<double>(), 0.0078125);
  });
}

TEST(CompressedSumTest, KeepsNothingOfASumThatIsNotFinite) {
  run_thread_ranks(2, {}, [&](Communicator& comm) {
    const torch::Tensor sum =
        torch::full({kCount}, std::numeric_limits<float>::infinity());
    CompressedSum compressed(comm, kCount, torch::kFloat32);
    compressed.all_reduce(sum, 0);
    EXPECT_TRUE(sum.isinf().all().item<bool>());
    compressed.collect();
    EXPECT_TRUE(torch::equal(compressed.residuals(), torch::zeros({kCount})));
  });
}

// A sum that begins with what another has collected has that one's bits.
TEST(CompressedSumTest, GoesOnFromCollectedResiduals) {
  run_thread_ranks(3, {}, [&](Communicator& comm) {
    CompressedSum whole(comm, 2 * kCount, torch::kFloat32);
    CompressedSum resumed(comm, 2 * kCount, torch::kFloat32);
    for (const int64_t offset : {int64_t{0}, kCount}) {
      whole.all_reduce(values_of(comm.rank()), offset);
    }
    whole.collect();
    EXPECT_FALSE(torch::equal(whole.residuals(), torch::zeros({2 * kCount})));
    resumed.residuals().copy_(whole.residuals());
    resumed.restore();
    resumed.collect();  // Before any sum: what was restored.
    EXPECT_TRUE(torch::equal(resumed.residuals(), whole.residuals()));
    for (const int64_t offset : {int64_t{0}, kCount}) {
      const torch::Tensor a = values_of(comm.rank());
      const torch::Tensor b = values_of(comm.rank());
      whole.all_reduce(a, offset);
      resumed.all_reduce(b, offset);
      EXPECT_TRUE(torch::equal(a, b));
    }
    whole.collect();
    resumed.collect();
    EXPECT_TRUE(torch::equal(resumed.residuals(), whole.residuals()));
  });
}

// Counts what it sends.
class CountingComm : public Communicator {
 public:
  explicit CountingComm(Communicator& inner) : inner_(inner) {}

  int rank() const override { return inner_.rank(); }

  int size() const override { return inner_.size(); }

  const char* name() const override { return "counting"; }

  void barrier() override { inner_.barrier(); }

  void broadcast(Buffer buffer, int root) override {
    inner_.broadcast(buffer, root);
  }

  void all_reduce_sum(Buffer buffer) override { inner_.all_reduce_sum(buffer); }

  void all_gather(Buffer mine, Buffer all) override {
    inner_.all_gather(mine, all);
  }

  void exchange(int peer, Buffer send, Buffer recv) override {
    sent_bytes += send.bytes();
    inner_.exchange(peer, send, recv);
  }

  void abort(int code) noexcept override { inner_.abort(code); }

  void interrupt() noexcept override { inner_.interrupt(); }

  int64_t sent_bytes = 0;

 private:
  Communicator& inner_;
};

TEST(CompressedSumTest, SendsHalfTheBytesOfTheTree) {
  run_thread_ranks(4, {}, [&](Communicator& comm) {
    CountingComm counting(comm);
    const torch::Tensor sum = values_of(comm.rank());
    CompressedSum(counting, kCount, torch::kFloat32).all_reduce(sum, 0);
    const int64_t compressed = counting.sent_bytes;
    counting.sent_bytes = 0;
    tree_all_reduce(counting, {sum.data_ptr(), kCount, DType::kFloat32},
                    host_arithmetic());
    EXPECT_EQ(2 * compressed, counting.sent_bytes);
  });
}

}  // namespace
}  // namespace voxlift::trainer
