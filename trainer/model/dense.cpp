#include "trainer/model/dense.h"

#include <ATen/Context.h>

#include "trainer/autocast.h"

namespace voxlift::trainer {
namespace {

// Below, the copies into oneDNN's own tensors cost more than they save.
constexpr int64_t kLargeProduct = 1 << 20;

bool wants_onednn(const torch::Tensor& weight_OI, const torch::Tensor& x_NI) {
  return x_NI.is_cpu() && x_NI.scalar_type() == torch::kFloat32 &&
         AutocastScope::precision_here() == "float32" && at::hasMKLDNN() &&
         !at::hasMKL() && x_NI.size(0) * weight_OI.numel() >= kLargeProduct;
}

}  // namespace

torch::Tensor dense(torch::nn::Linear layer, const torch::Tensor& x_NI) {
  return wants_onednn(layer->weight, x_NI)
             ? at::mkldnn_linear(x_NI.to_mkldnn(), layer->weight, layer->bias)
                   .to_dense()
             : layer->forward(x_NI);
}

}  // namespace voxlift::trainer
