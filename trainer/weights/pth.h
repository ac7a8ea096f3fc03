#pragma once
// PyTorch's .pth files, both containers: the zip archive (since 1.6) and the
// stream of pickles before it. Source: torch/serialization.py of PyTorch 1.13
// (the layout of what torch.save writes).

#include <cstddef>
#include <span>
#include <string>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// By the first bytes.
bool is_pth(std::span<const std::byte> bytes);

// The tensors of the state dict: the file's dict itself, or its member
// "state_dict" or "model". Names and dtypes as in the file. Python objects in
// it are skipped, never run. Throws DataError naming `origin`.
TensorMap parse_pth(std::span<const std::byte> bytes,
                    const std::string& origin);

// The record in which our own files keep the network's options as JSON.
constexpr const char* kNetworkRecord = "extra/voxlift.json";

// That record's text; empty where there is none, as in others' files. Throws
// DataError naming `origin`.
std::string pth_network(std::span<const std::byte> bytes,
                        const std::string& origin);

// The name of the class in the module torch that holds elements of `type`,
// "FloatStorage". Throws InternalError for a type without one.
const char* storage_class(torch::ScalarType type);

}  // namespace voxlift::trainer
