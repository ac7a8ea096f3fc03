#include "trainer/model/norm.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/sync_norm.h"

namespace voxlift::trainer {
namespace {

constexpr double kMomentum = 0.1;

}  // namespace

void NormOptions::validate(const std::string& path) const {
  if (kind != "bn" && kind != "syncbn" && kind != "gn") {
    throw ConfigError(
        str_cat(path, "norm = '", kind, "': must be 'bn', 'syncbn' or 'gn'"));
  }
  if (groups < 1) {
    throw ConfigError(
        str_cat(path, "groups = ", groups, ": must be at least 1"));
  }
}

NormImpl::NormImpl(int64_t channels)
    : weight(register_parameter("weight", torch::ones({channels}))),
      bias(register_parameter("bias", torch::zeros({channels}))) {}

BatchNormImpl::BatchNormImpl(int64_t channels)
    : NormImpl(channels),
      running_mean(register_buffer("running_mean", torch::zeros({channels}))),
      running_var(register_buffer("running_var", torch::ones({channels}))),
      num_batches_tracked(register_buffer("num_batches_tracked",
                                          torch::zeros({}, torch::kLong))) {}

torch::Tensor BatchNormImpl::forward(const torch::Tensor& x_NC) {
  // A GPU takes 16-bit values beside float32 weights; the CPU does not.
  return x_NC.is_cpu()
             ? normalise(x_NC.to(weight.scalar_type())).to(x_NC.dtype())
             : normalise(x_NC);
}

torch::Tensor BatchNormImpl::normalise(const torch::Tensor& x_NC) {
  constexpr bool kCudnn = true;
  if (!is_training()) {
    return torch::batch_norm(x_NC, weight, bias, running_mean, running_var,
                             false, kMomentum, kNormEpsilon, kCudnn);
  }
  // With momentum 1 the kernel leaves this batch's statistics behind.
  slot_mean = torch::zeros_like(running_mean);
  slot_var = torch::zeros_like(running_var);
  torch::Tensor y = torch::batch_norm(x_NC, weight, bias, slot_mean, slot_var,
                                      true, 1.0, kNormEpsilon, kCudnn);
  if (x_NC.numel() == x_NC.size(1)) {
    // Of one value, the unbiased variance is 0 / 0. (A new tensor: backward has
    // kept the old one.)
    slot_var = torch::zeros_like(running_var);
  }
  return y;
}

void BatchNormImpl::update_running(const torch::Tensor& mean_C,
                                   const torch::Tensor& var_C) {
  const torch::NoGradGuard no_grad;
  running_mean.mul_(1.0 - kMomentum).add_(mean_C, kMomentum);
  running_var.mul_(1.0 - kMomentum).add_(var_C, kMomentum);
  num_batches_tracked.add_(1);
}

GroupNormImpl::GroupNormImpl(int64_t channels, int64_t groups)
    : NormImpl(channels), groups_(groups) {
  if (channels % groups != 0) {
    throw ConfigError(str_cat("group norm: ", groups, " groups do not divide ",
                              channels, " channels"));
  }
}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& x_NC) {
  return torch::group_norm(x_NC.to(weight.scalar_type()), groups_, weight, bias,
                           kNormEpsilon)
      .to(x_NC.dtype());
}

Norm make_norm(const NormOptions& options, int64_t channels) {
  if (options.kind == "bn") {
    return std::make_shared<BatchNormImpl>(channels);
  }
  if (options.kind == "syncbn") {
    return std::make_shared<SyncBatchNormImpl>(channels);
  }
  return std::make_shared<GroupNormImpl>(channels, options.groups);
}

void append_norm(torch::nn::Sequential& layers, const NormOptions& options,
                 int64_t channels) {
  // A Sequential calls forward() of the class that it is told.
  if (options.kind == "bn") {
    layers->push_back(std::make_shared<BatchNormImpl>(channels));
  } else if (options.kind == "syncbn") {
    layers->push_back(std::make_shared<SyncBatchNormImpl>(channels));
  } else {
    layers->push_back(
        std::make_shared<GroupNormImpl>(channels, options.groups));
  }
}

std::string norm_name(const NormOptions& options, int index) {
  const std::string name = options.kind == "gn" ? "gn" : "bn";
  return index == 0 ? name : str_cat(name, index);
}

std::vector<BatchNormImpl*> batch_norms(torch::nn::Module& model) {
  std::vector<BatchNormImpl*> found;
  for (const auto& module : model.modules()) {
    if (auto* norm = module->as<BatchNormImpl>(); norm != nullptr) {
      found.push_back(norm);
    }
  }
  return found;
}

torch::Tensor slot_statistics(const std::vector<BatchNormImpl*>& norms) {
  std::vector<torch::Tensor> pieces;
  for (const BatchNormImpl* norm : norms) {
    pieces.push_back(norm->slot_mean);
    pieces.push_back(norm->slot_var);
  }
  return torch::cat(pieces);
}

int64_t statistics_size(const std::vector<BatchNormImpl*>& norms) {
  int64_t size = 0;
  for (const BatchNormImpl* norm : norms) {
    size += 2 * norm->channels();
  }
  return size;
}

void update_running(const std::vector<BatchNormImpl*>& norms,
                    const torch::Tensor& flat) {
  int64_t offset = 0;
  for (BatchNormImpl* norm : norms) {
    const int64_t channels = norm->channels();
    norm->update_running(flat.narrow(0, offset, channels),
                         flat.narrow(0, offset + channels, channels));
    offset += 2 * channels;
  }
}

}  // namespace voxlift::trainer
