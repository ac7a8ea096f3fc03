#pragma once
// Normalisation layers. Tensors: x_NCDHW, or any (N, C, ...).

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct NormOptions {
  // "bn" (batch norm over a slot), "syncbn" (over all slots) or "gn" (group
  // norm).
  std::string kind = "bn";
  int64_t groups = 32;  // Of group norm; divides the channels.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

constexpr double kNormEpsilon = 1e-5;

// A normalisation layer with affine parameters `weight` and `bias` (C).
class NormImpl : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x_NC) = 0;

  torch::Tensor weight;
  torch::Tensor bias;

 protected:
  explicit NormImpl(int64_t channels);
};

using Norm = std::shared_ptr<NormImpl>;

// Batch norm over the samples of one slot; eps 1e-5, momentum 0.1. It computes
// in float32 and gives back the dtype it was given.
//
// In training it normalises with the batch's statistics and keeps them in
// slot_mean and slot_var (unbiased; 0 where a channel has one value); the
// running statistics do not move until update_running() is called, once per
// step, with the mean over all slots. So they are the same whatever the number
// of ranks (docs/determinism.md).
class BatchNormImpl : public NormImpl {
 public:
  explicit BatchNormImpl(int64_t channels);

  torch::Tensor forward(const torch::Tensor& x_NC) override;

  // running = 0.9 running + 0.1 given; counts one batch.
  void update_running(const torch::Tensor& mean_C, const torch::Tensor& var_C);

  int64_t channels() const { return running_mean.size(0); }

  torch::Tensor running_mean;
  torch::Tensor running_var;
  torch::Tensor num_batches_tracked;
  // Of the last training forward; not part of the state.
  torch::Tensor slot_mean;
  torch::Tensor slot_var;

 private:
  torch::Tensor normalise(const torch::Tensor& x_NC);
};

// Group norm, eps 1e-5, in float32 likewise.
class GroupNormImpl : public NormImpl {
 public:
  GroupNormImpl(int64_t channels, int64_t groups);

  torch::Tensor forward(const torch::Tensor& x_NC) override;

 private:
  int64_t groups_;
};

Norm make_norm(const NormOptions& options, int64_t channels);

// Appends such a layer to `layers`.
void append_norm(torch::nn::Sequential& layers, const NormOptions& options,
                 int64_t channels);

// The attribute name of a norm layer in published files: "bn1" (batch norms of
// either kind), "gn2", ...; no number where `index` is 0.
std::string norm_name(const NormOptions& options, int index);

// All batch norms of `model`, in registration order.
std::vector<BatchNormImpl*> batch_norms(torch::nn::Module& model);

// Slot means and variances of all `norms` as one flat tensor, and its length.
torch::Tensor slot_statistics(const std::vector<BatchNormImpl*>& norms);
int64_t statistics_size(const std::vector<BatchNormImpl*>& norms);

// update_running() of every norm from such a flat tensor.
void update_running(const std::vector<BatchNormImpl*>& norms,
                    const torch::Tensor& flat);

}  // namespace voxlift::trainer
