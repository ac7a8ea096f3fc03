#include "trainer/report/op_times.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

TEST(OpTimesTest, CountsOperatorsAndTheBytesThatTheyTouch) {
  const torch::Tensor a = torch::ones({256});
  const torch::Tensor b = torch::ones({256});
  OpTotals totals;
  {
    const OpTimes times;
    a.add(b);
    a.add(b);
    totals = times.totals();
  }
  a.add(b);  // Nobody looks.
  ASSERT_TRUE(totals.contains("aten::add"));
  const OpTotal& add = totals.at("aten::add");
  EXPECT_EQ(add.calls, 2);
  EXPECT_GT(add.seconds, 0.0);
  EXPECT_EQ(add.bytes, int64_t{2} * 3 * 256 * 4);
}

TEST(OpTimesTest, TimeBelongsToTheInnermostOperator) {
  torch::nn::Conv3d conv(torch::nn::Conv3dOptions(4, 4, 3));
  const torch::Tensor x = torch::ones({2, 4, 8, 8, 8});
  const OpTimes times;
  conv->forward(x).sum().backward();
  double sum_s = 0.0;
  for (const auto& [name, total] : times.totals()) {
    EXPECT_GE(total.seconds, 0.0) << name;
    sum_s += total.seconds;
  }
  EXPECT_GT(sum_s, 0.0);
  EXPECT_TRUE(times.totals().contains("aten::conv3d"));
  EXPECT_EQ(times.totals().at("aten::conv3d").bytes, 0);
  EXPECT_TRUE(times.totals().contains("aten::convolution_backward"));
}

}  // namespace
}  // namespace voxlift::trainer
