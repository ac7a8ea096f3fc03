#include "trainer/comm/copy_sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

// Partial sums of so many bytes stay in the first-level cache.
constexpr size_t kBlockBytes = 4096;
constexpr int64_t kCacheLineBytes = 64;

template <typename T>
using Block = std::array<T, kBlockBytes / sizeof(T)>;

template <typename T>
void add_pair(const T* __restrict a, const T* __restrict b, size_t count,
              T* __restrict sum) {
  for (size_t i = 0; i < count; ++i) {
    sum[i] = a[i] + b[i];
  }
}

// Elements [at, at + count) of all `copies`; at most a block of them.
template <typename T>
void sum_block(std::span<std::byte* const> copies, size_t at, size_t count,
               T* sum) {
  const auto vector_of = [&](size_t copy) {
    return reinterpret_cast<const T*>(copies[copy]) + at;
  };
  if (copies.size() == 1) {
    std::memcpy(sum, vector_of(0), count * sizeof(T));
  } else if (copies.size() == 2) {
    add_pair(vector_of(0), vector_of(1), count, sum);
  } else {
    const size_t first = std::bit_floor(copies.size() - 1);
    Block<T> low;
    Block<T> high;
    sum_block(copies.first(first), at, count, low.data());
    sum_block(copies.subspan(first), at, count, high.data());
    add_pair(low.data(), high.data(), count, sum);
  }
}

template <typename T>
void sum_range(std::span<std::byte* const> from, std::span<std::byte* const> to,
               ElementRange range) {
  Block<T> sum;
  const auto end = static_cast<size_t>(range.end);
  for (auto at = static_cast<size_t>(range.begin); at < end; at += sum.size()) {
    const size_t count = std::min(sum.size(), end - at);
    sum_block(from, at, count, sum.data());
    for (std::byte* vector : to) {
      std::memcpy(reinterpret_cast<T*>(vector) + at, sum.data(),
                  count * sizeof(T));
    }
  }
}

}  // namespace

ElementRange part_of(int64_t count, DType dtype, int index, int num_parts) {
  const int64_t per_line = kCacheLineBytes / dtype_bytes(dtype);
  const int64_t lines = (count + per_line - 1) / per_line;
  const auto border = [&](int64_t part) {
    return std::min(count, lines * part / num_parts * per_line);
  };
  return {border(index), border(index + 1)};
}

void sum_copies(std::span<std::byte* const> from,
                std::span<std::byte* const> to, ElementRange range,
                DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return sum_range<float>(from, to, range);
    case DType::kFloat64:
      return sum_range<double>(from, to, range);
    case DType::kInt64:
      return sum_range<int64_t>(from, to, range);
    case DType::kUint8:
      throw InternalError("a sum of bytes");
  }
}

}  // namespace voxlift::trainer
