#pragma once
// Random starts of parameters. Each tensor's draws depend on the seed and its
// name only, so that networks that share a layer share its start.

#include <torch/torch.h>

#include <cstdint>
#include <string>

namespace voxlift::trainer {

// Inputs and outputs of one element of a weight (O, I, ...): the product of the
// shape without its first, or its second, dimension.
double fan_in(const torch::Tensor& weight);
double fan_out(const torch::Tensor& weight);

// Uniform in [-bound, bound). float32 on the CPU, as the rest of this file.
void fill_uniform(torch::Tensor weight, const std::string& name, uint64_t seed,
                  double bound);

// N(0, deviation^2).
void fill_normal(torch::Tensor weight, const std::string& name, uint64_t seed,
                 double deviation);

// One and zero for the weights and biases of norms, zero for other biases: all
// one-dimensional parameters of `model`.
void fill_vectors(torch::nn::Module& model);

// The start of the published networks for segmentation: kernels of the backbone
// uniform in +-sqrt(6 / (fan in + fan out)), the last layer
// (`decode_head.conv_seg`) N(0, 0.01^2), other kernels N(0, 2 / fan out).
void fill_segmentation(torch::nn::Module& model, uint64_t seed);

// Fills the kernels of the backbone's 3D convolutions anew: "uniform" in +-1 /
// sqrt(fan in), the start of PyTorch; "xavier" uniform in +-sqrt(6 / (fan in +
// fan out)); "default" leaves the network's own start. Source: the starts of
// the published networks for classification and for segmentation.
void apply_scheme(torch::nn::Module& model, const std::string& scheme,
                  uint64_t seed);

}  // namespace voxlift::trainer
