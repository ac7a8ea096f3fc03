#include "trainer/watch/beat.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace voxlift::trainer {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kMagic = 0x31425856;  // "VXB1"

// The bytes as they travel; no padding.
struct Wire {
  uint32_t magic;
  uint8_t kind;
  uint8_t phase;
  uint8_t operation;
  uint8_t zero;
  uint64_t token;
  int32_t rank;
  int32_t value;
  int32_t step;
  int32_t steps_done;
  float phase_s;
  float wait_s;
  int64_t entered;
  double own_s;
  double data_s;
};

static_assert(sizeof(Wire) == kBeatBytes);

bool is_time(double seconds) {
  return std::isfinite(seconds) && seconds >= 0.0;
}

bool is_good(const Wire& wire, uint64_t token) {
  return wire.magic == kMagic && wire.token == token && wire.zero == 0 &&
         wire.kind < Beat::kNumKinds && wire.phase < kNumPhases &&
         wire.operation < kNumOperations && is_time(wire.phase_s) &&
         is_time(wire.wait_s) && is_time(wire.own_s) && is_time(wire.data_s) &&
         wire.step >= 0 && wire.steps_done >= 0 && wire.entered >= 0;
}

}  // namespace

BeatBytes encode(const Beat& beat, uint64_t token) {
  const Standing& from = beat.standing;
  const Wire wire = {.magic = kMagic,
                     .kind = static_cast<uint8_t>(beat.kind),
                     .phase = static_cast<uint8_t>(from.phase),
                     .operation = static_cast<uint8_t>(from.operation),
                     .zero = 0,
                     .token = token,
                     .rank = beat.rank,
                     .value = beat.value,
                     .step = static_cast<int32_t>(from.step),
                     .steps_done = static_cast<int32_t>(from.steps_done),
                     .phase_s = static_cast<float>(from.phase_s),
                     .wait_s = static_cast<float>(from.wait_s),
                     .entered = from.entered,
                     .own_s = from.own_s,
                     .data_s = from.data_s};
  return std::bit_cast<BeatBytes>(wire);
}

std::optional<Beat> decode(const BeatBytes& bytes, uint64_t token) {
  const Wire wire = std::bit_cast<Wire>(bytes);
  if (!is_good(wire, token)) {
    return std::nullopt;
  }
  Beat beat = {.kind = static_cast<Beat::Kind>(wire.kind),
               .rank = wire.rank,
               .value = wire.value,
               .standing = {}};
  beat.standing = {.step = wire.step,
                   .steps_done = wire.steps_done,
                   .phase = static_cast<Phase>(wire.phase),
                   .phase_s = wire.phase_s,
                   .operation = static_cast<Operation>(wire.operation),
                   .wait_s = wire.wait_s,
                   .entered = wire.entered,
                   .own_s = wire.own_s,
                   .data_s = wire.data_s};
  return beat;
}

}  // namespace voxlift::trainer
