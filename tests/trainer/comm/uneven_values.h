#pragma once
// Vectors for which every order of addition gives other bits.

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace voxlift::trainer {

// Values of very different size, the same on every call.
inline std::vector<float> uneven_values(int64_t leaf, size_t count) {
  RandomStream draws(5, Purpose::kSynth, 0, static_cast<uint64_t>(leaf));
  std::vector<float> values(count);
  for (float& value : values) {
    const uint64_t bits = draws.next_u64();
    const auto exponent = static_cast<int>(bits % 27) - 13;
    value = static_cast<float>(
        std::ldexp(static_cast<double>(bits >> 11) - 0x1p52, exponent - 52));
  }
  return values;
}

// Leaves [begin, end) as ((0+1)+(2+3))+...
inline std::vector<float> tree_sum(int64_t begin, int64_t end, size_t count) {
  if (end - begin == 1) {
    return uneven_values(begin, count);
  }
  const int64_t middle = (begin + end) / 2;
  std::vector<float> sum = tree_sum(begin, middle, count);
  const std::vector<float> high = tree_sum(middle, end, count);
  for (size_t i = 0; i < count; ++i) {
    sum[i] += high[i];
  }
  return sum;
}

}  // namespace voxlift::trainer
