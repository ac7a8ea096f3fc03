#pragma once
// Sums of squares whose bits do not depend on threads.

#include <torch/torch.h>

#include <vector>

namespace voxlift::trainer {

// In float64, in one fixed order on the CPU. Not finite if and only if a value
// is not finite (float32 values; squares of float64 ones may overflow).
double squared_norm(const torch::Tensor& tensor);

// sqrt of the sum over all grad()s, in the given order. Every one must be
// there.
double gradient_norm(const std::vector<torch::Tensor>& parameters);

// grad() *= factor, in place.
void scale_gradients(const std::vector<torch::Tensor>& parameters,
                     double factor);

}  // namespace voxlift::trainer
