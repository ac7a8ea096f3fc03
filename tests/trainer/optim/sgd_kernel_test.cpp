#include "trainer/optim/sgd_kernel.h"

#include <gtest/gtest.h>

#include <vector>

#include "trainer/optim/sgd.h"

namespace voxlift::trainer {
namespace {

TEST(SgdUpdateTest, IsTheFormula) {
  std::vector<float> p = {1.0F, -2.0F};
  std::vector<float> v = {0.5F, 4.0F};
  const std::vector<float> g = {0.25F, 1.0F};
  sgd_update(p.data(), v.data(), g.data(), 2,
             {.lr = 0.5F, .momentum = 0.5F, .weight_decay = 0.125F});
  EXPECT_EQ(v, (std::vector<float>{0.625F, 2.75F}));
  EXPECT_EQ(p, (std::vector<float>{0.6875F, -3.375F}));
}

TEST(SgdUpdateTest, GivesTheSameBitsHoweverItIsCut) {
  constexpr int64_t kCount = 1001;
  const torch::Tensor g = torch::randn({kCount});
  const torch::Tensor start = torch::randn({kCount});
  const SgdFactors factors = {0.1F, 0.9F, 1e-4F};
  torch::Tensor whole = start.clone();
  torch::Tensor whole_v = start.clone();
  sgd_update(whole.data_ptr<float>(), whole_v.data_ptr<float>(),
             g.data_ptr<float>(), kCount, factors);
  torch::Tensor cut = start.clone();
  torch::Tensor cut_v = start.clone();
  for (const auto& [begin, end] : {std::pair{0, 7}, {7, 300}, {300, 1001}}) {
    sgd_update(cut.data_ptr<float>() + begin, cut_v.data_ptr<float>() + begin,
               g.data_ptr<float>() + begin, end - begin, factors);
  }
  EXPECT_TRUE(torch::equal(whole, cut));
  EXPECT_TRUE(torch::equal(whole_v, cut_v));
}

}  // namespace
}  // namespace voxlift::trainer
