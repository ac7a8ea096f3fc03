#include "sharding/voxel_join.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace voxlift::sharding {
namespace {

// Wider vectors where the processor has them; integers become the same floats
// either way.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VOXLIFT_WIDE __attribute__((target_clones("avx2", "default")))
#define VOXLIFT_INLINE __attribute__((always_inline)) inline
#else
#define VOXLIFT_WIDE
#define VOXLIFT_INLINE inline
#endif

// As many voxels as fit into the widest of these vectors.
constexpr size_t kLanes = 8;

// GCC and clang: arithmetic on all lanes at once, on any processor.
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
typedef uint8_t BytePairs __attribute__((vector_size(2 * kLanes)));
typedef uint64_t LongWords __attribute__((vector_size(2 * kLanes)));
typedef int16_t Shorts __attribute__((vector_size(2 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
typedef float Floats __attribute__((vector_size(4 * kLanes)));

template <typename Wide>
VOXLIFT_INLINE void load(const uint8_t* from, Wide& lanes) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  lanes = __builtin_convertvector(bytes, Wide);
}

// In the lower half; memcpy() into a vector's half would go through memory.
VOXLIFT_INLINE BytePairs load_low(const uint8_t* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return (BytePairs)LongWords{word, 0};
}

VOXLIFT_INLINE void store(const Floats& lanes, float* to) {
  std::memcpy(to, &lanes, sizeof(lanes));
}

// Each joins one voxel, or kLanes of them, whose bytes lie `count` elements
// apart.
struct Join1 {
  static VOXLIFT_INLINE float one(const uint8_t* a, size_t /*count*/) {
    return static_cast<float>(*a);
  }

  static VOXLIFT_INLINE void lanes(const uint8_t* from, size_t /*count*/,
                                   float* to) {
    Floats floats;
    load(from, floats);
    store(floats, to);
  }
};

struct Join2 {
  static VOXLIFT_INLINE float one(const uint8_t* a, size_t count) {
    const int bits = a[0] | (a[count] << 8);
    return static_cast<float>(static_cast<int16_t>(bits));
  }

  static VOXLIFT_INLINE void lanes(const uint8_t* from, size_t count,
                                   float* to) {
    const BytePairs low = load_low(from);
    const BytePairs high = load_low(from + count);
    const BytePairs pairs = __builtin_shufflevector(
        low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const Ints ints = __builtin_convertvector((Shorts)pairs, Ints);
    store(__builtin_convertvector(ints, Floats), to);
  }
};

struct Join4 {
  static VOXLIFT_INLINE float one(const uint8_t* a, size_t count) {
    const uint32_t bits = a[0] | uint32_t{a[count]} << 8 |
                          uint32_t{a[2 * count]} << 16 |
                          uint32_t{a[3 * count]} << 24;
    return std::bit_cast<float>(bits);
  }

  static VOXLIFT_INLINE void lanes(const uint8_t* from, size_t count,
                                   float* to) {
    std::array<Words, 4> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) {
      load(from + i * count, bytes[i]);
    }
    const Words bits =
        bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
    std::memcpy(to, &bits, sizeof(bits));
  }
};

// The last lanes end where the row ends: what others have joined is joined
// again, which costs less than one by one.
template <typename Join>
VOXLIFT_INLINE void join_row(const uint8_t* from, size_t count, size_t width,
                             float* to) {
  if (width < kLanes) {
    for (size_t i = 0; i < width; ++i) {
      to[i] = Join::one(from + i, count);
    }
    return;
  }
  for (size_t i = 0; i + kLanes < width; i += kLanes) {
    Join::lanes(from + i, count, to + i);
  }
  Join::lanes(from + width - kLanes, count, to + width - kLanes);
}

template <typename Join>
VOXLIFT_INLINE void join_rows(const uint8_t* from, size_t count,
                              const SharedBox& box, float* to) {
  const SharedBox shared = box;  // Stores may not change it.
  for (size_t d = 0; d < shared.size[0]; ++d) {
    for (size_t h = 0; h < shared.size[1]; ++h) {
      join_row<Join>(from + d * shared.from.slice + h * shared.from.row, count,
                     shared.size[2],
                     to + d * shared.to.slice + h * shared.to.row);
    }
  }
}

VOXLIFT_WIDE void join_rows_1(const uint8_t* from, size_t count,
                              const SharedBox& shared, float* to) {
  join_rows<Join1>(from, count, shared, to);
}

VOXLIFT_WIDE void join_rows_2(const uint8_t* from, size_t count,
                              const SharedBox& shared, float* to) {
  join_rows<Join2>(from, count, shared, to);
}

VOXLIFT_WIDE void join_rows_4(const uint8_t* from, size_t count,
                              const SharedBox& shared, float* to) {
  join_rows<Join4>(from, count, shared, to);
}

void check_holds(size_t num_elements, const SharedBox& shared,
                 const SharedBox::Place& place) {
  const auto& size = shared.size;
  VOXLIFT_CHECK(size[0] > 0 && size[1] > 0 && size[2] > 0 &&
                    place.first + (size[0] - 1) * place.slice +
                            (size[1] - 1) * place.row + size[2] <=
                        num_elements,
                "box outside of an array");
}

}  // namespace

void join_planes(std::span<const std::byte> planes, VoxelStorage storage,
                 const SharedBox& shared, std::span<float> out) {
  const size_t count =
      planes.size() / static_cast<size_t>(storage_bytes(storage));
  check_holds(count, shared, shared.from);
  check_holds(out.size(), shared, shared.to);
  const auto* from =
      reinterpret_cast<const uint8_t*>(planes.data()) + shared.from.first;
  float* to = out.data() + shared.to.first;
  switch (storage) {
    case VoxelStorage::kUint8:
      join_rows_1(from, count, shared, to);
      return;
    case VoxelStorage::kInt16:
      join_rows_2(from, count, shared, to);
      return;
    case VoxelStorage::kFloat32:
      join_rows_4(from, count, shared, to);
      return;
  }
}

void copy_bytes(std::span<const std::byte> plane, const SharedBox& shared,
                std::span<uint8_t> out) {
  check_holds(plane.size(), shared, shared.from);
  check_holds(out.size(), shared, shared.to);
  const auto* from =
      reinterpret_cast<const uint8_t*>(plane.data()) + shared.from.first;
  uint8_t* to = out.data() + shared.to.first;
  for (size_t d = 0; d < shared.size[0]; ++d) {
    for (size_t h = 0; h < shared.size[1]; ++h) {
      std::copy_n(from + d * shared.from.slice + h * shared.from.row,
                  shared.size[2], to + d * shared.to.slice + h * shared.to.row);
    }
  }
}

}  // namespace voxlift::sharding
