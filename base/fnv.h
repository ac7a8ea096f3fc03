#pragma once
// FNV-1a, 64 bits: names to numbers. Source: Fowler, Noll, Vo,
// draft-eastlake-fnv (public domain).

#include <cstdint>
#include <string_view>

namespace voxlift {

constexpr uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace voxlift
