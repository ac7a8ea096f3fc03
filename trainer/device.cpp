#include "trainer/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

torch::Device choose_device(const std::string& name, int local_rank) {
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

void set_compute_threads(int64_t threads) {
  at::set_num_threads(static_cast<int>(threads));
  at::set_num_interop_threads(1);
}

}  // namespace voxlift::trainer
