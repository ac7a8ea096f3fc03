#pragma once
// The header of a safetensors file, read without LibTorch and without the
// tensors' bytes. Source: https://github.com/huggingface/safetensors, "Format".

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct TensorHeader {
  std::string name;
  std::string dtype;  // "F32", ...
  std::vector<int64_t> shape;
};

// In the file's order. Throws IoError, or DataError naming the file and both
// values where the header does not lie in the file, a dtype is unknown, or a
// tensor does not have the bytes that it needs, right behind the one before.
std::vector<TensorHeader> read_tensor_headers(const std::string& path);

}  // namespace voxlift::trainer
