#include "trainer/reduce/bucket_plan.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kAlignment = 16;  // A cache line of float32.

int64_t aligned(int64_t numel) {
  return (numel + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

BucketPlan plan_buckets(std::span<const int64_t> numels,
                        std::span<const int64_t> order, int64_t statistics_size,
                        int64_t limit) {
  BucketPlan plan;
  plan.places.resize(numels.size());
  plan.buckets.push_back({.numel = statistics_size});
  bool open = false;
  for (const int64_t parameter : order) {
    if (!open) {
      const auto& last = plan.buckets.back();
      plan.buckets.push_back({.offset = last.offset + aligned(last.numel)});
    }
    auto& bucket = plan.buckets.back();
    const auto index = static_cast<size_t>(parameter);
    plan.places[index] = {plan.buckets.size() - 1, bucket.numel};
    bucket.numel += numels[index];
    ++bucket.num_parameters;
    open = bucket.numel < limit;
  }
  return plan;
}

int64_t arena_numel(std::span<const int64_t> numels, int64_t statistics_size) {
  int64_t sum = aligned(statistics_size);
  for (const int64_t numel : numels) {
    sum += aligned(numel);
  }
  return sum;
}

}  // namespace voxlift::trainer
