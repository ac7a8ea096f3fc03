#include "base/crc32c.h"

#include <array>
#include <cstring>

namespace voxlift {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    }
    table[i] = value;
  }
  return table;
}

uint32_t crc_by_table(const unsigned char* data, size_t size, uint32_t crc) {
  static constexpr auto kTable = make_table();
  for (size_t i = 0; i < size; ++i) {
    crc = kTable[(crc ^ data[i]) & 0xFFU] ^ (crc >> 8);
  }
  return crc;
}

#if defined(__x86_64__)
// The instruction takes three cycles, but one can start in each: so three
// blocks are summed side by side. A sum moves over the block behind it by the
// effect of kBlock zero bytes, which is linear in its bits.
constexpr size_t kBlock = 1024;

using ByteTables = std::array<std::array<uint32_t, 256>, 4>;

constexpr ByteTables make_block_shift() {
  constexpr auto kTable = make_table();
  std::array<uint32_t, 32> of_bit{};
  for (uint32_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = 1U << bit;
    for (size_t i = 0; i < kBlock; ++i) {
      crc = kTable[crc & 0xFFU] ^ (crc >> 8);
    }
    of_bit[bit] = crc;
  }
  ByteTables tables{};
  for (uint32_t byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 0; value < 256; ++value) {
      for (uint32_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1U) != 0) {
          tables[byte][value] ^= of_bit[8 * byte + bit];
        }
      }
    }
  }
  return tables;
}

uint64_t shift_by_block(uint64_t crc) {
  static constexpr ByteTables kShift = make_block_shift();
  return kShift[0][crc & 0xFFU] ^ kShift[1][crc >> 8 & 0xFFU] ^
         kShift[2][crc >> 16 & 0xFFU] ^ kShift[3][crc >> 24 & 0xFFU];
}

uint64_t word_at(const unsigned char* data) {
  uint64_t word = 0;
  std::memcpy(&word, data, sizeof(word));
  return word;
}

__attribute__((target("sse4.2"))) uint32_t crc_by_instruction(
    const unsigned char* data, size_t size, uint32_t crc) {
  uint64_t state = crc;
  for (; size >= 3 * kBlock; data += 3 * kBlock, size -= 3 * kBlock) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (const unsigned char* at = data; at < data + kBlock; at += 8) {
      state = __builtin_ia32_crc32di(state, word_at(at));
      second = __builtin_ia32_crc32di(second, word_at(at + kBlock));
      third = __builtin_ia32_crc32di(third, word_at(at + 2 * kBlock));
    }
    state = shift_by_block(shift_by_block(state) ^ second) ^ third;
  }
  for (; size >= 8; data += 8, size -= 8) {
    state = __builtin_ia32_crc32di(state, word_at(data));
  }
  auto narrow = static_cast<uint32_t>(state);
  for (; size > 0; ++data, --size) {
    narrow = __builtin_ia32_crc32qi(narrow, *data);
  }
  return narrow;
}
#endif

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
  if (kHasInstruction) {
    return ~crc_by_instruction(data, bytes.size(), ~crc);
  }
#endif
  return ~crc_by_table(data, bytes.size(), ~crc);
}

}  // namespace voxlift
