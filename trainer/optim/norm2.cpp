#include "trainer/optim/norm2.h"

#include <array>
#include <cmath>

namespace voxlift::trainer {
namespace {

// Partial sums side by side: vector registers, and still one fixed order.
constexpr int64_t kLanes = 16;

double sum_of_squares(const float* values, int64_t count) {
  std::array<double, kLanes> lanes{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) {
      const auto value = static_cast<double>(values[i + k]);
      lanes[static_cast<size_t>(k)] += value * value;
    }
  }
  double sum = 0.0;
  for (const double lane : lanes) {
    sum += lane;
  }
  for (; i < count; ++i) {
    const auto value = static_cast<double>(values[i]);
    sum += value * value;
  }
  return sum;
}

}  // namespace

double squared_norm(const torch::Tensor& tensor) {
  const torch::NoGradGuard no_grad;
  if (tensor.is_cpu() && tensor.scalar_type() == torch::kFloat32) {
    const torch::Tensor flat = tensor.contiguous();
    return sum_of_squares(flat.data_ptr<float>(), flat.numel());
  }
  return tensor.to(torch::kFloat64).square().sum().item<double>();
}

double gradient_norm(const std::vector<torch::Tensor>& parameters) {
  double sum = 0.0;
  for (const torch::Tensor& parameter : parameters) {
    sum += squared_norm(parameter.grad());
  }
  return std::sqrt(sum);
}

void scale_gradients(const std::vector<torch::Tensor>& parameters,
                     double factor) {
  const torch::NoGradGuard no_grad;
  for (const torch::Tensor& parameter : parameters) {
    parameter.mutable_grad().mul_(factor);
  }
}

}  // namespace voxlift::trainer
