#include "trainer/autocast.h"

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

#if TORCH_VERSION_MAJOR > 2 || \
    (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)

void switch_autocast(torch::DeviceType device, bool on) {
  at::autocast::set_autocast_enabled(device, on);
}

void set_autocast_dtype(torch::DeviceType device, torch::ScalarType dtype) {
  at::autocast::set_autocast_dtype(device, dtype);
}

#else

void switch_autocast(torch::DeviceType device, bool on) {
  if (device == torch::kCPU) {
    at::autocast::set_cpu_enabled(on);
  } else {
    at::autocast::set_enabled(on);
  }
}

void set_autocast_dtype(torch::DeviceType device, torch::ScalarType dtype) {
  if (device == torch::kCPU) {
    at::autocast::set_autocast_cpu_dtype(dtype);
  } else {
    at::autocast::set_autocast_gpu_dtype(dtype);
  }
}

#endif

std::string& precision_of_thread() {
  thread_local std::string precision = "float32";
  return precision;
}

}  // namespace

void check_precision(const std::string& precision, const std::string& key) {
  if (precision != "float32" && precision != "bf16" && precision != "fp16") {
    throw ConfigError(str_cat(key, " = '", precision,
                              "': must be 'float32', 'bf16' or 'fp16'"));
  }
}

void check_precision_on(const torch::Device& device,
                        const std::string& precision, const std::string& key) {
  if (precision == "fp16" && device.is_cpu()) {
    throw ConfigError(str_cat(key, " = 'fp16' needs a GPU and this run is on ",
                              "the CPU: give 'bf16' or 'float32'"));
  }
}

AutocastScope::AutocastScope(const std::string& precision,
                             const torch::Device& device)
    : device_(device.type()), on_(precision != "float32") {
  if (!on_) {
    return;
  }
  precision_of_thread() = precision;
  set_autocast_dtype(device_,
                     precision == "bf16" ? torch::kBFloat16 : torch::kFloat16);
  // A cached copy would tie the graphs of two slots together.
  at::autocast::set_autocast_cache_enabled(false);
  switch_autocast(device_, true);
}

AutocastScope::~AutocastScope() {
  if (on_) {
    precision_of_thread() = "float32";
    switch_autocast(device_, false);
  }
}

const std::string& AutocastScope::precision_here() {
  return precision_of_thread();
}

}  // namespace voxlift::trainer
