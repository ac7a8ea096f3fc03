#pragma once
// Gradients against central differences.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>

namespace voxlift::test {

// The gradient of the scalar f at `x` (float64) is that of central differences
// within 1e-6 of its largest element, or of 1.
inline void expect_gradient(
    const std::function<torch::Tensor(const torch::Tensor&)>& f,
    const torch::Tensor& x) {
  constexpr double kStep = 1e-5;
  constexpr double kTolerance = 1e-6;
  const torch::Tensor at = x.detach().clone().requires_grad_();
  f(at).backward();
  const torch::Tensor gradient = at.grad().flatten();
  const torch::NoGradGuard no_grad;
  torch::Tensor moved = x.detach().clone();
  torch::Tensor flat = moved.view(-1);
  const double scale = std::max(1.0, gradient.abs().max().item<double>());
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const double here = flat[i].item<double>();
    flat[i] = here + kStep;
    const double above = f(moved).item<double>();
    flat[i] = here - kStep;
    const double below = f(moved).item<double>();
    flat[i] = here;
    EXPECT_NEAR(gradient[i].item<double>(), (above - below) / (2.0 * kStep),
                kTolerance * scale)
        << "element " << i;
  }
}

}  // namespace voxlift::test
