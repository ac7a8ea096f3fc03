#pragma once
// The safetensors format: 8 bytes little-endian header length, a JSON header
// {name: {dtype, shape, data_offsets}}, then the bytes of the tensors.
// Source: https://github.com/huggingface/safetensors, "Format".

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// Free texts by name; "format" is always there.
using Metadata = std::map<std::string, std::string>;

// Everything in front of the tensors' bytes, which follow in the map's order
// without gaps. The tensors may be anywhere and in any memory format.
std::string safetensors_header(const TensorMap& tensors,
                               const Metadata& metadata = {});

// A file that is ready to be written: pieces() one after the other.
class SafetensorsImage {
 public:
  // `tensors` must be contiguous and in host memory; they are shared, so they
  // must not change before the image is written.
  explicit SafetensorsImage(TensorMap tensors, const Metadata& metadata = {});

  std::vector<std::span<const std::byte>> pieces() const;

 private:
  TensorMap tensors_;
  std::string header_;
};

// Every tensor of the file, copied. Throws DataError naming `origin`, the
// tensor and both values where header, shapes and offsets do not agree.
TensorMap parse_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin);

// What stands in its header beside the tensors. Throws DataError.
Metadata parse_safetensors_metadata(std::span<const std::byte> bytes,
                                    const std::string& origin);

}  // namespace voxlift::trainer
