#pragma once
// What ranks say to each other beside MPI and NCCL: 64 bytes, little-endian.
// Bytes from the network are hostile: see decode().

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "trainer/watch/phase_board.h"

namespace voxlift::trainer {

struct Beat {
  enum class Kind : uint8_t {
    kHello,    // A rank to rank 0, first of all. Rank 0 answers with kBeat.
    kBeat,     // Each way, every heartbeat_s.
    kGoodbye,  // This rank ends in order: expect nothing more.
    kFailing,  // This rank has failed and ends all with exit code `value`.
    kLeave     // Rank 0 to all: a rank is lost, end in `value` s.
  };
  static constexpr int kNumKinds = 5;

  Kind kind = Kind::kBeat;
  int32_t rank = 0;  // Who says it.
  int32_t value = 0;
  Standing standing = {};
};

constexpr size_t kBeatBytes = 64;
using BeatBytes = std::array<std::byte, kBeatBytes>;

// `token` is drawn anew by every start of a run: ranks of another run are no
// peers.
BeatBytes encode(const Beat& beat, uint64_t token);

// Nothing, if magic, token, a number of a kind, a phase or an operation, or a
// time is not one that encode() writes. The rank is not checked.
std::optional<Beat> decode(const BeatBytes& bytes, uint64_t token);

}  // namespace voxlift::trainer
