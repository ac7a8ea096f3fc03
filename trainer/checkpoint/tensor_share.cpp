#include "trainer/checkpoint/tensor_share.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

// Host memory, row-major; the tensor itself where it is so already.
torch::Tensor host_tensor(const torch::Tensor& tensor) {
  return tensor.detach().to(torch::kCPU).contiguous();
}

// Infinities and NaNs are what has all bits of the exponent set. Written so
// that the compiler makes vector code of it.
template <typename Word>
bool all_finite(std::span<const std::byte> bytes, Word exponent) {
  Word found = 0;
  for (size_t i = 0; i + sizeof(Word) <= bytes.size(); i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    found |= static_cast<Word>((word & exponent) == exponent ? 1 : 0);
  }
  return found == 0;
}

bool all_finite(torch::ScalarType type, std::span<const std::byte> bytes) {
  switch (type) {
    case torch::kFloat32:
      return all_finite<uint32_t>(bytes, 0x7F800000U);
    case torch::kFloat64:
      return all_finite<uint64_t>(bytes, 0x7FF0000000000000U);
    case torch::kFloat16:
      return all_finite<uint16_t>(bytes, 0x7C00U);
    case torch::kBFloat16:
      return all_finite<uint16_t>(bytes, 0x7F80U);
    default:
      return true;
  }
}

// Whole elements only: of one that lies across two parts, neither rank sees
// enough.
ByteRange whole_elements(const ByteRange& part, const ByteRange& tensor,
                         int64_t element_bytes) {
  const int64_t before = part.begin - tensor.begin;
  const int64_t begin = tensor.begin + (before + element_bytes - 1) /
                                           element_bytes * element_bytes;
  return {std::min(begin, part.end), part.end};
}

}  // namespace

void TensorShare::lay_out(TensorMap tensors, int rank, int num_ranks,
                          int64_t align_bytes) {
  tensors_ = std::move(tensors);
  header_ = safetensors_header(tensors_);
  places_.clear();
  auto offset = static_cast<int64_t>(header_.size());
  for (const auto& [name, tensor] : tensors_) {
    const int64_t end = offset + static_cast<int64_t>(tensor.nbytes());
    places_.push_back({name, tensor.scalar_type(), {offset, end}});
    offset = end;
  }
  file_bytes_ = offset;
  range_ = share_of_rank(file_bytes_, rank, num_ranks, align_bytes);
}

std::span<std::byte> TensorShare::part(const ByteRange& range) {
  return std::span(bytes_).subspan(
      static_cast<size_t>(range.begin - range_.begin),
      static_cast<size_t>(range.size()));
}

std::span<const std::byte> TensorShare::part(const ByteRange& range) const {
  return std::span(bytes_).subspan(
      static_cast<size_t>(range.begin - range_.begin),
      static_cast<size_t>(range.size()));
}

void TensorShare::copy() {
  bytes_.resize(static_cast<size_t>(range_.size()));
  const auto take = [this](std::span<const std::byte> from,
                           const ByteRange& at) {
    const ByteRange mine = common(at, range_);
    if (!mine.empty()) {
      std::memcpy(part(mine).data(), from.data() + (mine.begin - at.begin),
                  static_cast<size_t>(mine.size()));
    }
  };
  take(as_bytes(header_), {0, static_cast<int64_t>(header_.size())});
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!common(places_[i].at, range_).empty()) {
      take(bytes_of(host_tensor(tensors_[i].second)), places_[i].at);
    }
  }
  tensors_.clear();
}

std::string TensorShare::not_finite() const {
  for (const Place& place : places_) {
    const ByteRange mine = common(place.at, range_);
    const auto element_bytes =
        static_cast<int64_t>(c10::elementSize(place.type));
    if (!mine.empty() &&
        !all_finite(place.type,
                    part(whole_elements(mine, place.at, element_bytes)))) {
      return place.name;
    }
  }
  return {};
}

}  // namespace voxlift::trainer
