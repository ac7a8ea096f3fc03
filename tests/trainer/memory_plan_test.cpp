#include "trainer/memory_plan.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "trainer/tensor_memory.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kMegabyte = 1'000'000;

TEST(MemoryPlanTest, NamesTheLargestPartFirst) {
  const MemoryPlan plan = {.process = 300 * kMegabyte,
                           .weights = 130 * kMegabyte,
                           .gradients = 130 * kMegabyte,
                           .optimizer = 140 * kMegabyte,
                           .activations = 1000 * kMegabyte,
                           .loader = 20 * kMegabyte};
  EXPECT_EQ(plan.total(), 1720 * kMegabyte);
  EXPECT_EQ(plan.text(),
            "1.72 GB: activations 1.00, process 0.30, optimizer 0.14, weights "
            "0.13, gradients 0.13, loader 0.02, checkpoint 0.00");
  EXPECT_EQ(plan.to_json().at("total"), 1720 * kMegabyte);
  EXPECT_EQ(plan.to_json().at("activations"), 1000 * kMegabyte);
}

TEST(TensorMemoryTest, CountsWhatLivesAtOnce) {
  const TensorMemory memory;
  const torch::Tensor before = torch::empty({kMegabyte}, torch::kUInt8);
  {
    const TensorMemory::Scope scope(memory);
    const torch::Tensor kept = torch::empty({3 * kMegabyte}, torch::kUInt8);
    for (int i = 0; i < 5; ++i) {
      const torch::Tensor freed = torch::empty({2 * kMegabyte}, torch::kUInt8);
    }
  }
  const torch::Tensor after = torch::empty({9 * kMegabyte}, torch::kUInt8);
  EXPECT_EQ(memory.peak_bytes(), 5 * kMegabyte);
}

TEST(TensorMemoryTest, CountsWhatBackwardMakes) {
  const TensorMemory memory;
  const torch::Tensor w = torch::ones({1000}, torch::requires_grad());
  const TensorMemory::Scope scope(memory);
  const torch::Tensor loss = (w * w).exp().sum();
  const int64_t forward_bytes = memory.peak_bytes();
  EXPECT_GE(forward_bytes, 8000);
  loss.backward();
  EXPECT_GT(memory.peak_bytes(), forward_bytes);
}

}  // namespace
}  // namespace voxlift::trainer
