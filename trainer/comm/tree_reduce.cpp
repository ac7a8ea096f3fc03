#include "trainer/comm/tree_reduce.h"

#include <bit>
#include <memory>
#include <vector>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

// The halves of `range`: (mine, partner's) for the partner at `distance`.
std::pair<Range, Range> halves(Range range, int rank, int distance) {
  const int64_t middle = range.begin + range.size() / 2;
  const Range low{range.begin, middle};
  const Range high{middle, range.end};
  const bool keeps_low = (rank & distance) == 0;
  return keeps_low ? std::pair(low, high) : std::pair(high, low);
}

template <typename T>
void add_on_host(Buffer to, Buffer from) {
  auto* sum = static_cast<T*>(to.data);
  const auto* addend = static_cast<const T*>(from.data);
  for (int64_t i = 0; i < to.count; ++i) {
    sum[i] += addend[i];
  }
}

void add_any_on_host(Buffer to, Buffer from) {
  switch (to.dtype) {
    case DType::kFloat32:
      return add_on_host<float>(to, from);
    case DType::kFloat64:
      return add_on_host<double>(to, from);
    case DType::kInt64:
      return add_on_host<int64_t>(to, from);
    case DType::kUint8:
      throw InternalError("a sum of bytes");
  }
}

}  // namespace

void tree_all_reduce(Communicator& comm, Buffer buffer,
                     const TreeArithmetic& arithmetic, int first_distance) {
  const int size = comm.size();
  VOXLIFT_CHECK(std::has_single_bit(static_cast<unsigned>(size)),
                "the tree needs a power of two of ranks");
  // 1. Reduce-scatter: after the step of distance d, this rank's range holds
  //    the sum over its aligned group of 2 d ranks.
  std::vector<Range> ranges = {{0, buffer.count}};
  for (int distance = first_distance; distance < size; distance *= 2) {
    const auto [mine, theirs] = halves(ranges.back(), comm.rank(), distance);
    const Buffer received = {
        arithmetic.scratch(mine.size() * dtype_bytes(buffer.dtype)),
        mine.size(), buffer.dtype};
    comm.exchange(comm.rank() ^ distance,
                  buffer.slice(theirs.begin, theirs.end), received);
    arithmetic.add(buffer.slice(mine.begin, mine.end), received);
    ranges.push_back(mine);
  }
  // 2. All-gather: the same pairs in reverse swap their finished halves.
  for (int distance = size / 2; distance >= first_distance; distance /= 2) {
    ranges.pop_back();
    const auto [mine, theirs] = halves(ranges.back(), comm.rank(), distance);
    comm.exchange(comm.rank() ^ distance, buffer.slice(mine.begin, mine.end),
                  buffer.slice(theirs.begin, theirs.end));
  }
}

TreeArithmetic host_arithmetic() {
  const auto memory = std::make_shared<std::vector<std::byte>>();
  return {[](Buffer to, Buffer from) {
            VOXLIFT_CHECK(to.count == from.count && to.dtype == from.dtype,
                          "addends differ");
            add_any_on_host(to, from);
          },
          [memory](int64_t bytes) -> void* {
            if (static_cast<int64_t>(memory->size()) < bytes) {
              memory->resize(static_cast<size_t>(bytes));
            }
            return memory->data();
          }};
}

}  // namespace voxlift::trainer
