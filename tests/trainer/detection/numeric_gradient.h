#pragma once
// Checks a gradient against differences of the function itself.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>

namespace voxlift::test {

// `f` of a float64 tensor, a scalar; its gradient by autograd must be the
// central difference to 1e-6 everywhere. `x` must be away from kinks.
inline void expect_gradient(
    const std::function<torch::Tensor(const torch::Tensor&)>& f,
    const torch::Tensor& x) {
  constexpr double kStep = 1e-5;
  const torch::Tensor leaf =
      x.to(torch::kFloat64).clone().contiguous().requires_grad_();
  const torch::Tensor gradient =
      torch::autograd::grad({f(leaf)}, {leaf})[0].contiguous();
  torch::Tensor moved = leaf.detach().clone();
  auto* values = moved.data_ptr<double>();
  for (int64_t i = 0; i < moved.numel(); ++i) {
    const double before = values[i];
    values[i] = before + kStep;
    const double above = f(moved).item<double>();
    values[i] = before - kStep;
    const double below = f(moved).item<double>();
    values[i] = before;
    EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2 * kStep),
                1e-6)
        << "element " << i;
  }
}

}  // namespace voxlift::test
