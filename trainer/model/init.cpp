#include "trainer/model/init.h"

#include <cmath>

#include "base/fnv.h"
#include "base/random.h"

namespace voxlift::trainer {
namespace {

template <typename Draw>
void fill(torch::Tensor& tensor, const Draw& draw) {
  const torch::NoGradGuard no_grad;
  auto* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>(draw());
  }
}

RandomStream draws_of(const std::string& name, uint64_t seed) {
  return {seed, Purpose::kInit, 0, fnv1a64(name)};
}

}  // namespace

double fan_in(const torch::Tensor& weight) {
  return static_cast<double>(weight.numel()) /
         static_cast<double>(weight.size(0));
}

double fan_out(const torch::Tensor& weight) {
  return static_cast<double>(weight.numel()) /
         static_cast<double>(weight.size(1));
}

void fill_uniform(torch::Tensor weight, const std::string& name, uint64_t seed,
                  double bound) {
  RandomStream draws = draws_of(name, seed);
  fill(weight, [&] { return draws.uniform(-bound, bound); });
}

void fill_normal(torch::Tensor weight, const std::string& name, uint64_t seed,
                 double deviation) {
  RandomStream draws = draws_of(name, seed);
  fill(weight, [&] { return deviation * draws.normal(); });
}

void fill_vectors(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    if (item.value().dim() == 1) {
      item.value().fill_(item.key().ends_with(".bias") ? 0.0 : 1.0);
    }
  }
}

void fill_segmentation(torch::nn::Module& model, uint64_t seed) {
  constexpr double kClassifierDeviation = 0.01;
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const torch::Tensor& weight = item.value();
    if (weight.dim() == 1) {
      continue;
    }
    if (name.starts_with("backbone.")) {
      fill_uniform(weight, name, seed,
                   std::sqrt(6.0 / (fan_in(weight) + fan_out(weight))));
    } else if (name.starts_with("decode_head.conv_seg.")) {
      fill_normal(weight, name, seed, kClassifierDeviation);
    } else {
      fill_normal(weight, name, seed, std::sqrt(2.0 / fan_out(weight)));
    }
  }
}

void apply_scheme(torch::nn::Module& model, const std::string& scheme,
                  uint64_t seed) {
  constexpr int64_t kKernel = 4;  // Dimensions, at least: (O, I, k, k).
  if (scheme == "default") {
    return;
  }
  for (auto& item : model.named_parameters()) {
    const torch::Tensor& weight = item.value();
    if (weight.dim() >= kKernel && item.key().starts_with("backbone.")) {
      fill_uniform(weight, item.key(), seed,
                   scheme == "xavier"
                       ? std::sqrt(6.0 / (fan_in(weight) + fan_out(weight)))
                       : 1.0 / std::sqrt(fan_in(weight)));
    }
  }
}

}  // namespace voxlift::trainer
