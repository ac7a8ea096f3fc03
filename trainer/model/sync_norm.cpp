#include "trainer/model/sync_norm.h"

#include "base/error.h"
#include "trainer/model/slot_meeting.h"

namespace voxlift::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Of all slots; (C), float64.
struct Moments {
  double count = 0.0;
  torch::Tensor mean;
  torch::Tensor var;  // Biased.
};

Moments moments_of_all(const torch::Tensor& x_NC, SlotSeat& seat) {
  const int64_t channels = x_NC.size(1);
  const double count =
      static_cast<double>(x_NC.numel()) / static_cast<double>(channels);
  const auto [mean32, var32] = at::batch_norm_update_stats(x_NC, {}, {}, 0.0);
  const torch::Tensor mean = mean32.to(torch::kFloat64);
  const torch::Tensor square = var32.to(torch::kFloat64) + mean.square();
  const torch::Tensor all = seat.meet(torch::cat(
      {torch::full({1}, count, mean.options()), mean * count, square * count}));
  Moments moments;
  moments.count = all[0].item<double>();
  moments.mean = all.narrow(0, 1, channels) / moments.count;
  moments.var = (all.narrow(0, 1 + channels, channels) / moments.count -
                 moments.mean.square())
                    .clamp_min(0.0);
  return moments;
}

// (C) to (1, C, 1, ...), as x has axes.
torch::Tensor along_channels(const torch::Tensor& values_C,
                             const torch::Tensor& x_NC) {
  std::vector<int64_t> shape(static_cast<size_t>(x_NC.dim()), 1);
  shape[1] = values_C.size(0);
  return values_C.view(shape);
}

// Normalises with given statistics; its backward knows that they came from all
// samples.
class NormaliseWithAll : public torch::autograd::Function<NormaliseWithAll> {
 public:
  static torch::Tensor forward(AutogradContext* context,
                               const torch::Tensor& x_NC,
                               const torch::Tensor& weight,
                               const torch::Tensor& bias,
                               const Moments& moments) {
    const torch::Tensor mean = moments.mean.to(x_NC.dtype());
    const torch::Tensor var = moments.var.to(x_NC.dtype());
    const torch::Tensor inverse = (var + kNormEpsilon).rsqrt();
    context->save_for_backward({x_NC, weight, mean, inverse});
    context->saved_data["count"] = moments.count;
    context->saved_data["seat"] = c10::IValue::make_capsule(SlotSeat::here());
    return std::get<0>(at::native_batch_norm(x_NC, weight, bias, mean, var,
                                             false, 0.0, kNormEpsilon));
  }

  // dx = w s (dy - mean(dy) - xhat mean(dy xhat)), s = 1 / standard deviation,
  // means over all samples; dw and db are this slot's share of the sums.
  static variable_list backward(AutogradContext* context,
                                const variable_list& dy) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& x_NC = saved[0];
    const torch::Tensor& mean = saved[2];
    const torch::Tensor& inverse = saved[3];
    const torch::Tensor dy_NC = dy[0].contiguous();
    const int64_t channels = x_NC.size(1);
    const auto own = at::native_batch_norm_backward(
        dy_NC, x_NC, saved[1], {}, {}, mean, inverse, true, kNormEpsilon,
        {false, true, true});
    const torch::Tensor& dw = std::get<1>(own);
    const torch::Tensor& db = std::get<2>(own);
    const auto seat = c10::static_intrusive_pointer_cast<SlotSeat>(
        context->saved_data["seat"].toCapsule());
    const torch::Tensor mean_of_all =
        (seat->meet(torch::cat({db, dw}).to(torch::kFloat64)) /
         context->saved_data["count"].toDouble())
            .to(x_NC.dtype());
    const torch::Tensor scale = saved[1] * inverse;
    torch::Tensor dx = x_NC - along_channels(mean, x_NC);
    dx.mul_(along_channels(
        -scale * inverse * mean_of_all.narrow(0, channels, channels), x_NC));
    dx.addcmul_(dy_NC, along_channels(scale, x_NC));
    dx.sub_(along_channels(scale * mean_of_all.narrow(0, 0, channels), x_NC));
    return {dx, dw, db, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor SyncBatchNormImpl::forward(const torch::Tensor& x_NC) {
  const auto seat = SlotSeat::here();
  if (!is_training() || !seat) {
    return BatchNormImpl::forward(x_NC);
  }
  const torch::Tensor x32_NC = x_NC.to(weight.scalar_type()).contiguous();
  const Moments moments = [&] {
    const torch::NoGradGuard no_grad;
    return moments_of_all(x32_NC, *seat);
  }();
  const double unbiased =
      moments.count > 1.0 ? moments.count / (moments.count - 1.0) : 0.0;
  slot_mean = moments.mean.to(weight.scalar_type());
  slot_var = (moments.var * unbiased).to(weight.scalar_type());
  return NormaliseWithAll::apply(x32_NC, weight, bias, moments)
      .to(x_NC.dtype());
}

void meet_without_samples(int64_t times) {
  const auto seat = SlotSeat::here();
  VOXLIFT_CHECK(seat, "outside a meeting");
  for (int64_t i = 0; i < times; ++i) {
    seat->meet(torch::zeros({1}, torch::kFloat64));
  }
}

}  // namespace voxlift::trainer
