#pragma once
// Reduced precision of the forward pass. What differs between LibTorch versions
// is kept in autocast.cpp.

#include <torch/torch.h>

#include <string>

namespace voxlift::trainer {

// Throws ConfigError naming `key` unless `precision` is "float32", "bf16" or
// "fp16".
void check_precision(const std::string& precision, const std::string& key);

// Throws ConfigError naming `key` if `device` cannot compute in `precision`.
void check_precision_on(const torch::Device& device,
                        const std::string& precision, const std::string& key);

// While it lives, convolutions and matrix products of this thread compute in
// `precision`; weights stay float32 and are converted at each use. With
// "float32" it does nothing. Scopes must not be nested.
class AutocastScope {
 public:
  AutocastScope(const std::string& precision, const torch::Device& device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

  // Of the scope that this thread is in; "float32" outside.
  static const std::string& precision_here();

 private:
  torch::DeviceType device_;
  bool on_;
};

}  // namespace voxlift::trainer
