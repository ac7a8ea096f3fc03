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
__attribute__((target("sse4.2"))) uint32_t crc_by_instruction(
    const unsigned char* data, size_t size, uint32_t crc) {
  uint64_t state = crc;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, data, sizeof(word));
    state = __builtin_ia32_crc32di(state, word);
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
