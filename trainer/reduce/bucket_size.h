#pragma once
// How large a bucket must be for the transport.

#include <cstdint>
#include <functional>

#include "base/clock.h"

namespace voxlift::trainer {

// COLLECTIVE, as `reduce` is. The smallest of 1, 2, 4, ... 32 MB (not above
// `most_bytes`, but at least 1 MB) whose sum, made by `reduce(bytes)`, costs at
// most 1.15 times per byte what the cheapest costs: large enough to use the
// network, small enough to leave early. Ranks may find different ones. Cost:
// each size twice, 126 MB at most.
int64_t measure_bucket_bytes(const Clock& clock, int64_t most_bytes,
                             const std::function<void(int64_t bytes)>& reduce);

}  // namespace voxlift::trainer
