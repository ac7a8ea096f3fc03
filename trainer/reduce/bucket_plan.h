#pragma once
// Which gradients travel together, and where they lie.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace voxlift::trainer {

struct BucketPlan {
  // A parameter's place: a bucket, and the first element within it.
  struct Place {
    size_t bucket = 0;
    int64_t offset = 0;
  };

  struct Bucket {
    int64_t offset = 0;  // In the arena of all buckets, in elements.
    int64_t numel = 0;
    int64_t num_parameters = 0;
  };

  std::vector<Place> places;  // By parameter.
  std::vector<Bucket> buckets;
};

// The first bucket holds `statistics_size` elements and no parameter. The
// others take the parameters in `order` and are closed at `limit` elements.
// Buckets begin at cache lines.
BucketPlan plan_buckets(std::span<const int64_t> numels,
                        std::span<const int64_t> order, int64_t statistics_size,
                        int64_t limit);

// Elements of an arena that holds the buckets of any order and limit.
int64_t arena_numel(std::span<const int64_t> numels, int64_t statistics_size);

}  // namespace voxlift::trainer
