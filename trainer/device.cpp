#include "trainer/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

torch::Device choose_device(const std::string& name, int local_rank) {
  if (name != "auto" && name != "cpu" && name != "cuda") {
    throw ConfigError(
        str_cat("device = '", name, "': must be 'auto', 'cpu' or 'cuda'"));
  }
  const bool has_gpu = torch::cuda::is_available();
  if (name == "cuda" && !has_gpu) {
    throw ConfigError("run.device = 'cuda': LibTorch sees no GPU here");
  }
  if (name == "cpu" || !has_gpu) {
    return {torch::kCPU};
  }
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  const auto num_gpus = static_cast<int>(torch::cuda::device_count());
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(local_rank % num_gpus)};
}

int with_torch_errors(const std::function<int()>& body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    const std::string line = text.substr(0, text.find('\n'));
    if (text.find("out of memory") != std::string::npos ||
        text.find("allocate memory") != std::string::npos) {
      throw IoError("LibTorch: " + line);
    }
    throw InternalError("LibTorch: " + line);
  }
}

void set_compute_threads(int64_t threads) {
  at::set_num_threads(static_cast<int>(threads));
  at::set_num_interop_threads(1);
}

}  // namespace voxlift::trainer
