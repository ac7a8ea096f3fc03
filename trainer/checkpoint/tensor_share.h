#pragma once
// A rank's part of a safetensors file, as a copy in host memory.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "trainer/checkpoint/byte_range.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// Bytes [range) of the file that holds `tensors`. One thread at a time. The
// memory is kept from one copy to the next, so that only the first one pays for
// new pages.
class TensorShare {
 public:
  // Finds the part of this rank; the tensors are shared, not copied yet. They
  // may be anywhere and in any memory format. Cost: one header.
  void lay_out(TensorMap tensors, int rank, int num_ranks, int64_t align_bytes);

  // Takes the bytes: the tensors may change afterwards. Cost: one copy of them.
  void copy();

  // A floating-point tensor with a value in this part that is not finite; empty
  // if there is none.
  std::string not_finite() const;

  int64_t file_bytes() const { return file_bytes_; }

  const ByteRange& range() const { return range_; }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  // One tensor's bytes in the file.
  struct Place {
    std::string name;
    torch::ScalarType type;
    ByteRange at;
  };

  std::span<std::byte> part(const ByteRange& range);
  std::span<const std::byte> part(const ByteRange& range) const;

  TensorMap tensors_;  // Until they are copied.
  std::vector<Place> places_;
  std::string header_;
  int64_t file_bytes_ = 0;
  ByteRange range_;
  std::vector<std::byte> bytes_;
};

}  // namespace voxlift::trainer
