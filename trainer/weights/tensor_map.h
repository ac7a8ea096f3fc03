#pragma once
// Named tensors, as weight files hold them.

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

namespace voxlift::trainer {

// In the file's or the module's order; names are unique.
using TensorMap = std::vector<std::pair<std::string, torch::Tensor>>;

// Parameters, then buffers, of `module`; the tensors share its memory.
TensorMap named_tensors(const torch::nn::Module& module);

// Deep copies in host memory, contiguous.
TensorMap snapshot(const TensorMap& tensors);

// "(64, 1, 7, 7, 7)".
std::string shape_text(const torch::Tensor& tensor);

}  // namespace voxlift::trainer
