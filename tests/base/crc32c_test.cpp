#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/files.h"
#include "base/random.h"

namespace voxlift {
namespace {

// Check values: RFC 3720, appendix B.4.
TEST(Crc32cTest, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  std::array<std::byte, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAU);
  bytes.fill(std::byte{0xFF});
  EXPECT_EQ(crc32c(bytes), 0x62A8AB43U);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i);
  }
  EXPECT_EQ(crc32c(bytes), 0x46DD794EU);
}

TEST(Crc32cTest, IsZeroForNothing) {
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32cTest, ContinuesAtEverySplit) {
  RandomStream random(1, Purpose::kFault, 0, 0);
  std::vector<std::byte> bytes(61);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random.next_u32());
  }
  const std::span<const std::byte> all(bytes);
  for (size_t split = 0; split <= all.size(); ++split) {
    EXPECT_EQ(crc32c(all.subspan(split), crc32c(all.first(split))),
              crc32c(all));
  }
}

// Long runs are summed in three parts, short ones in one.
TEST(Crc32cTest, GivesTheSameInOneRunAsInShortOnes) {
  RandomStream random(2, Purpose::kFault, 0, 0);
  std::vector<std::byte> bytes(20000);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random.next_u32());
  }
  for (const size_t size : {3071, 3072, 3073, 6144, 9999, 20000}) {
    const auto all = std::span<const std::byte>(bytes).first(size);
    uint32_t crc = 0;
    for (size_t at = 0; at < size; at += 100) {
      crc = crc32c(all.subspan(at, std::min<size_t>(100, size - at)), crc);
    }
    EXPECT_EQ(crc32c(all), crc) << size;
  }
}

TEST(Crc32cTest, SeesEveryFlippedBit) {
  std::vector<std::byte> bytes(40, std::byte{0x5A});
  const uint32_t before = crc32c(bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(crc32c(bytes), before) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

}  // namespace
}  // namespace voxlift
