#include "base/random.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace voxlift {

uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::array<uint32_t, 4> philox4x32(const std::array<uint32_t, 4>& counter,
                                   const std::array<uint32_t, 2>& key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  std::array<uint32_t, 4> c = counter;
  uint32_t k0 = key[0];
  uint32_t k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * c[0];
    const uint64_t product1 = kMultiplier1 * c[2];
    c = {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ k0,
         static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ k1,
         static_cast<uint32_t>(product0)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

RandomStream::RandomStream(uint64_t seed, Purpose purpose, uint64_t epoch,
                           uint64_t id) {
  // The key takes seed, purpose and epoch through a bijective mix; the id is
  // in the counter's high half, so that streams of one key never overlap.
  const uint64_t mixed =
      mix64(mix64(seed) + (static_cast<uint64_t>(purpose) << 48) + epoch);
  key_ = {static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)};
  counter_ = {0, 0, static_cast<uint32_t>(id), static_cast<uint32_t>(id >> 32)};
}

uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    used_ = 0;
    if (++counter_[0] == 0) {
      ++counter_[1];
    }
  }
  return block_[static_cast<size_t>(used_++)];
}

uint64_t RandomStream::next_u64() {
  const uint64_t low = next_u32();
  return low | (static_cast<uint64_t>(next_u32()) << 32);
}

double RandomStream::uniform() {
  return static_cast<double>(next_u64() >> 11) * 0x1.0p-53;
}

double RandomStream::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

int64_t RandomStream::uniform_int(int64_t low, int64_t high) {
  VOXLIFT_CHECK(low <= high, "empty range");
  const uint64_t range =
      static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  if (range == 0) {  // All 2^64 values.
    return static_cast<int64_t>(next_u64());
  }
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  uint64_t draw = next_u64();
  while (draw >= limit) {
    draw = next_u64();
  }
  return static_cast<int64_t>(static_cast<uint64_t>(low) + draw % range);
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace voxlift
