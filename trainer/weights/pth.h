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

}  // namespace voxlift::trainer
