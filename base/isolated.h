#pragma once
// Work that may crash, in a process of its own.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace voxlift {

// Calls `fill` in a forked child, on `num_bytes` zeroed bytes, and returns what
// it wrote there: for libraries that assert, crash or hang on hostile input.
// The child writes nothing to the terminal and leaves no core; it may use
// `cpu_limit_s` seconds of processor time.
//
// Throws DataError with the text of what `fill` threw, or naming the signal or
// the limit that ended the child; IoError if there is no memory or no process.
// `fill` must not wait for threads of this process: the child has none of them.
// Cost: a fork, about a millisecond. Any thread.
std::vector<std::byte> run_isolated(
    int64_t num_bytes, int cpu_limit_s,
    const std::function<void(std::span<std::byte>)>& fill);

}  // namespace voxlift
