#include "trainer/weights/tensor_map.h"

#include "base/strings.h"

namespace voxlift::trainer {

TensorMap named_tensors(const torch::nn::Module& module) {
  TensorMap tensors;
  for (const auto& item : module.named_parameters()) {
    tensors.emplace_back(item.key(), item.value());
  }
  for (const auto& item : module.named_buffers()) {
    tensors.emplace_back(item.key(), item.value());
  }
  return tensors;
}

TensorMap snapshot(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) {
    copies.emplace_back(
        name, tensor.detach().to(torch::kCPU, false, true).contiguous());
  }
  return copies;
}

std::string shape_text(const torch::Tensor& tensor) {
  std::string text = "(";
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    text += str_cat(i == 0 ? "" : ", ", tensor.size(i));
  }
  return text + ")";
}

}  // namespace voxlift::trainer
