#include "trainer/reduce/bucket_size.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace voxlift::trainer {
namespace {

constexpr int64_t kMegabyte = 1'000'000;
constexpr int64_t kLargestMb = 32;
constexpr double kGoodEnough = 1.15;

// The faster of two tries, in seconds per byte.
double cost_per_byte(int64_t bytes, const Clock& clock,
                     const std::function<void(int64_t)>& reduce) {
  double best_s = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 2; ++i) {
    const double start_s = clock.now_s();
    reduce(bytes);
    best_s = std::min(best_s, clock.now_s() - start_s);
  }
  return best_s / static_cast<double>(bytes);
}

}  // namespace

int64_t measure_bucket_bytes(const Clock& clock, int64_t most_bytes,
                             const std::function<void(int64_t bytes)>& reduce) {
  std::vector<int64_t> sizes;
  std::vector<double> costs;
  for (int64_t mb = 1; mb <= kLargestMb; mb *= 2) {
    if (mb > 1 && mb * kMegabyte > most_bytes) {
      break;
    }
    sizes.push_back(mb * kMegabyte);
    costs.push_back(
        cost_per_byte(std::min(sizes.back(), most_bytes), clock, reduce));
  }
  const double best = *std::min_element(costs.begin(), costs.end());
  size_t chosen = 0;
  while (costs[chosen] > kGoodEnough * best) {
    ++chosen;
  }
  return sizes[chosen];
}

}  // namespace voxlift::trainer
