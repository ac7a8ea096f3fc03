#pragma once
// CRC-32C (Castagnoli), the checksum of shards and checkpoints.

#include <cstddef>
#include <cstdint>
#include <span>

namespace voxlift {

// Checksum of `bytes`; with `crc` = the checksum of what came before, of both
// together. Polynomial 0x1EDC6F41 (RFC 3720 appendix B.4 has check values).
// Uses the processor's CRC instruction where there is one. Any thread.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace voxlift
