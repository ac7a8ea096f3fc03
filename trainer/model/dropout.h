#pragma once
// Draws inside a network that belong to a slot, and dropout from them.

#include <torch/torch.h>

#include <cstdint>

namespace voxlift::trainer {

// While it lives, dropout() of this thread draws from `seed`: slots (and ranks
// of one process) do not share a generator, so their order does not matter.
class SlotDraws {
 public:
  explicit SlotDraws(uint64_t seed);
  ~SlotDraws();
  SlotDraws(const SlotDraws&) = delete;
  SlotDraws& operator=(const SlotDraws&) = delete;

 private:
  at::Generator before_;
  uint64_t seed_before_;
};

// The seed of this thread's SlotDraws, for draws other than dropout's; 0
// without them.
uint64_t slot_seed();

// Zeroes a share `prob` of the values and divides the rest by 1 - prob. The
// mask is drawn on the CPU, so it is the same on any device. Without SlotDraws
// it draws from LibTorch's default generator.
torch::Tensor dropout(const torch::Tensor& x, double prob);

// The same for whole channels of an (N, C, ...) tensor.
torch::Tensor channel_dropout(const torch::Tensor& x_NC, double prob);

}  // namespace voxlift::trainer
