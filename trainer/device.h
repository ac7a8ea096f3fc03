#pragma once
// The device that a rank computes on. What differs between LibTorch versions
// and builds is kept in device.cpp.

#include <torch/torch.h>

#include <functional>
#include <string>

namespace voxlift::trainer {

// "auto" takes a GPU where there is one. On a host with several GPUs rank
// `local_rank` takes number local_rank modulo their number. Makes torch
// deterministic on it. Throws ConfigError if "cuda" is not there.
torch::Device choose_device(const std::string& name, int local_rank);

// Calls `body`; an error of LibTorch's becomes one line of ours: IoError where
// memory is short, else InternalError.
int with_torch_errors(const std::function<int()>& body);

// Compute threads of this process; once, before the first operation.
void set_compute_threads(int64_t threads);

}  // namespace voxlift::trainer
