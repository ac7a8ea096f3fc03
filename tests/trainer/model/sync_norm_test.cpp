#include "trainer/model/sync_norm.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/dropout.h"
#include "trainer/model/recompute.h"
#include "trainer/model/slot_meeting.h"

namespace voxlift::trainer {
namespace {

torch::Tensor add_in_order(const std::vector<torch::Tensor>& leaves) {
  torch::Tensor sum = torch::zeros_like(leaves.front());
  for (const torch::Tensor& leaf : leaves) {
    sum += leaf;
  }
  return sum;
}

TEST(SlotMeetingTest, GivesEverySlotTheSumAgainAndAgain) {
  SlotMeeting meeting(4, 2, add_in_order);
  std::vector<double> seen(4);
  meeting.run([&](int64_t slot) {
    for (int64_t round = 1; round <= 3; ++round) {
      const torch::Tensor sum = SlotSeat::here()->meet(
          torch::full({1}, static_cast<double>(slot * round), torch::kFloat64));
      EXPECT_EQ(sum.item<double>(), 6.0 * static_cast<double>(round));
      seen[static_cast<size_t>(slot)] += sum.item<double>();
    }
  });
  EXPECT_EQ(seen, std::vector<double>(4, 36.0));
  EXPECT_FALSE(SlotSeat::here());
}

TEST(SlotMeetingTest, RethrowsWhatASlotHasThrown) {
  SlotMeeting meeting(4, 1, add_in_order);
  test::expect_error<DataError>(
      [&] {
        meeting.run([](int64_t slot) {
          if (slot == 2) {
            throw DataError("sample 7 is damaged");
          }
          meet_without_samples(1);
        });
      },
      {"sample 7 is damaged"});
  meeting.run([](int64_t) { meet_without_samples(1); });  // Works again.
}

TEST(SlotMeetingTest, RefusesSlotsThatMeetDifferentlyOften) {
  SlotMeeting meeting(2, 1, add_in_order);
  test::expect_error<InternalError>(
      [&] { meeting.run([](int64_t slot) { meet_without_samples(slot); }); },
      {"met more often than the first"});
  test::expect_error<InternalError>(
      [&] {
        meeting.run([](int64_t slot) { meet_without_samples(1 - slot); });
      },
      {"met less often than the first"});
}

struct Pass {
  torch::Tensor y;
  torch::Tensor dx;
  torch::Tensor dw;
  torch::Tensor db;
};

Pass pass_of(NormImpl& norm, const torch::Tensor& part) {
  const torch::Tensor x = part.clone().requires_grad_();
  const torch::Tensor y = norm.forward(x);
  const auto gradients = torch::autograd::grad({(y.pow(3) + y.sin()).sum()},
                                               {x, norm.weight, norm.bias});
  return {y.detach(), gradients[0], gradients[1], gradients[2]};
}

// Slots of 3, 1, 0 and 2 samples against one batch norm over all six.
TEST(SyncNormTest, IsABatchNormOverAllSlots) {
  torch::manual_seed(3);
  const torch::Tensor all = 4.0 * torch::randn({6, 5, 2, 3, 3}) + 100.0;
  const std::vector<torch::Tensor> parts = {
      all.narrow(0, 0, 3), all.narrow(0, 3, 1), all.narrow(0, 4, 0),
      all.narrow(0, 4, 2)};
  BatchNormImpl whole(5);
  SyncBatchNormImpl sync(5);
  for (BatchNormImpl* norm : {&whole, static_cast<BatchNormImpl*>(&sync)}) {
    const torch::NoGradGuard no_grad;
    norm->weight.copy_(torch::linspace(-1, 2, 5));
    norm->bias.copy_(torch::linspace(1, 2, 5));
  }
  const Pass expected = pass_of(whole, all);
  std::vector<Pass> found(4);
  SlotMeeting meeting(4, SyncBatchNormImpl::meeting_width(5), add_in_order);
  meeting.run([&](int64_t slot) {
    const torch::Tensor& part = parts[static_cast<size_t>(slot)];
    if (part.size(0) == 0) {
      meet_without_samples(2);
    } else {
      found[static_cast<size_t>(slot)] = pass_of(sync, part);
    }
  });
  const auto near = [](const torch::Tensor& a, const torch::Tensor& b) {
    return torch::allclose(a, b, 1e-4, 2e-4);
  };
  EXPECT_TRUE(
      near(torch::cat({found[0].y, found[1].y, found[3].y}), expected.y));
  EXPECT_TRUE(
      near(torch::cat({found[0].dx, found[1].dx, found[3].dx}), expected.dx));
  EXPECT_TRUE(near(found[0].dw + found[1].dw + found[3].dw, expected.dw));
  EXPECT_TRUE(near(found[0].db + found[1].db + found[3].db, expected.db));
  EXPECT_TRUE(near(sync.slot_mean, whole.slot_mean));
  EXPECT_TRUE(near(sync.slot_var, whole.slot_var));
}

TEST(SyncNormTest, IsABatchNormOutsideAMeeting) {
  BatchNormImpl plain(2);
  SyncBatchNormImpl sync(2);
  const torch::Tensor x = torch::randn({4, 2, 3});
  EXPECT_TRUE(torch::equal(plain.forward(x), sync.forward(x)));
  sync.eval();
  plain.eval();
  EXPECT_TRUE(torch::equal(plain.forward(x), sync.forward(x)));
}

TEST(NormTest, KeepsTheNamesOfBatchNorms) {
  EXPECT_EQ(norm_name({.kind = "syncbn"}, 2), "bn2");
  EXPECT_EQ(norm_name({.kind = "gn"}, 0), "gn");
  test::expect_error<ConfigError>(
      [] { NormOptions{.kind = "in"}.validate("model."); },
      {"model.norm = 'in'", "'syncbn'"});
}

TEST(DropoutTest, DrawsBelongToTheSeedOnly) {
  const torch::Tensor x = torch::ones({1000});
  const auto draw = [&](uint64_t seed) {
    const SlotDraws draws(seed);
    return dropout(x, 0.25);
  };
  const torch::Tensor first = draw(1);
  torch::randn({10});  // Somebody else's draws.
  EXPECT_TRUE(torch::equal(first, draw(1)));
  EXPECT_FALSE(torch::equal(first, draw(2)));
  EXPECT_NEAR(first.mean().item<double>(), 1.0, 0.06);
  EXPECT_FLOAT_EQ(first.max().item<float>(), 1.0F / 0.75F);
}

TEST(RecomputeTest, GivesTheSameBitsAndTwoForwards) {
  torch::nn::Linear layer(4, 4);
  int calls = 0;
  const auto body = [&](const torch::Tensor& x) {
    ++calls;
    return layer->forward(x).tanh();
  };
  const torch::Tensor input = torch::randn({3, 4});
  const auto gradients = [&](bool again) {
    layer->zero_grad();
    const torch::Tensor x = input.clone().requires_grad_();
    const torch::Tensor y = again ? recompute_in_backward(body, x) : body(x);
    y.square().sum().backward();
    return std::vector<torch::Tensor>{x.grad(), layer->weight.grad().clone(),
                                      layer->bias.grad().clone()};
  };
  const auto plain = gradients(false);
  EXPECT_EQ(calls, 1);
  const auto recomputed = gradients(true);
  EXPECT_EQ(calls, 3);
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_TRUE(torch::equal(plain[i], recomputed[i])) << i;
  }
}

TEST(RecomputeTest, IsThePlainCallWithoutGradients) {
  const torch::NoGradGuard no_grad;
  EXPECT_EQ(recompute_in_backward([](const torch::Tensor& x) { return 2 * x; },
                                  torch::ones({1}))
                .item<float>(),
            2.0F);
}

}  // namespace
}  // namespace voxlift::trainer
