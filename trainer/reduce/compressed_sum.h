#pragma once
// Sums over ranks with 16 bits of a value on the wire.

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <vector>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Adds vectors of all ranks with half the bytes of a sum in float32.
//
// How: rank k answers for part k of the vector. It gets every other rank's part
// k as bfloat16, adds them to its own in float32 in the order of the ranks, and
// sends the sum back as bfloat16. What that last rounding leaves out is kept
// and added to the next sum of the same values (error feedback: Seide et al.,
// "1-bit stochastic gradient descent", Interspeech 2014,
// DOI 10.21437/Interspeech.2014-274), so that nothing that every step brings is
// lost for good. The first rounding keeps nothing: that would be a vector per
// rank in every checkpoint, for an error of 2^-9 of each addend.
//
// The sum has the same bits on every rank, and they depend on the number of
// ranks. One thread at a time. Memory: twice the arena.
class CompressedSum {
 public:
  // For vectors that lie in an arena of `arena_numel` elements of `options`
  // (float32, the communicator's device). `comm` must outlive this.
  CompressedSum(Communicator& comm, int64_t arena_numel,
                const torch::TensorOptions& options);

  // COLLECTIVE. `values` (n), contiguous, becomes the sum over all ranks;
  // `offset` is its place in the arena. A sum that is not finite leaves nothing
  // behind. Throws CommError.
  void all_reduce(const torch::Tensor& values, int64_t offset);

  // What roundings have left out, over the arena, as of the last collect():
  // every rank's parts. Shares memory with this.
  const torch::Tensor& residuals() const { return collected_; }

  // COLLECTIVE. Brings residuals() up to date.
  void collect();

  // Goes on from what residuals() hold now.
  void restore();

 private:
  struct Group;

  void send_parts(const Group& group, const torch::Tensor& wire,
                  std::vector<torch::Tensor>* received);
  void send_sums(const Group& group, const torch::Tensor& wire);

  Communicator& comm_;
  torch::Tensor residual_;  // Of this rank's parts; elsewhere without meaning.
  torch::Tensor collected_;
  std::map<int64_t, int64_t> parts_;  // This rank's: first element, count.
};

}  // namespace voxlift::trainer
