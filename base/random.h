#pragma once
// Random numbers that depend on a key and a counter only, never on thread,
// rank or order of calls.

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace voxlift {

// The SplitMix64 finaliser: a bijection that scatters every bit.
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014, DOI 10.1145/2660193.2660195.
uint64_t mix64(uint64_t z);

// Philox4x32-10: 128 random bits from a 128-bit counter and a 64-bit key.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011, DOI 10.1145/2063384.2063405. Checked against its known answers.
std::array<uint32_t, 4> philox4x32(const std::array<uint32_t, 4>& counter,
                                   const std::array<uint32_t, 2>& key);

// What the draws are for: two purposes never share a draw.
enum class Purpose : uint32_t {
  kShuffle = 1,  // The order of an epoch; sample id 0.
  kAugment = 2,  // The training transform of one sample.
  kInit = 3,     // Weights before training.
  kDropout = 4,  // Inside the network, per step and slot.
  kSynth = 5,    // The generated world.
  kFault = 6,    // Injected faults.
};

// A stream of draws keyed by (seed, purpose, epoch, id). Equal keys give equal
// streams, on any machine. One thread; cheap to make (no state beyond 64 B).
class RandomStream {
 public:
  RandomStream(uint64_t seed, Purpose purpose, uint64_t epoch, uint64_t id);

  uint32_t next_u32();
  uint64_t next_u64();

  // Uniform in [0, 1), 53 bits.
  double uniform();

  // Uniform in [low, high).
  double uniform(double low, double high);

  // Uniform over the integers low..high, both included, without bias.
  // Throws InternalError if high < low.
  int64_t uniform_int(int64_t low, int64_t high);

  // Standard normal (Box and Muller 1958).
  double normal();

  bool bernoulli(double probability) { return uniform() < probability; }

  // Fisher-Yates: every order equally likely.
  template <typename T>
  void shuffle(std::span<T> items) {
    for (size_t i = items.size(); i > 1; --i) {
      const auto j =
          static_cast<size_t>(uniform_int(0, static_cast<int64_t>(i) - 1));
      std::swap(items[i - 1], items[j]);
    }
  }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace voxlift
