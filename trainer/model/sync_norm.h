#pragma once
// Batch norm over the samples of all slots.

#include "trainer/model/norm.h"

namespace voxlift::trainer {

// As BatchNormImpl, but in training the statistics are those of the whole
// step: every slot adds count, sum and sum of squares (float64) over the tree
// of slots, in forward, and the two sums of its gradient in backward. So they
// are the same bits on any number of ranks. Two meetings per step
// (trainer/model/slot_meeting.h); outside a meeting it is a batch norm.
// Source: the backward pass of Ioffe and Szegedy, "Batch normalization", ICML
// 2015, arXiv 1502.03167, with sums over all slots.
class SyncBatchNormImpl : public BatchNormImpl {
 public:
  using BatchNormImpl::BatchNormImpl;

  // float32.
  torch::Tensor forward(const torch::Tensor& x_NC) override;

  // Doubles that a layer of so many channels exchanges at a meeting.
  static int64_t meeting_width(int64_t channels) { return 2 * channels + 1; }
};

// What a slot without samples does instead of a forward (or backward) pass.
void meet_without_samples(int64_t times);

}  // namespace voxlift::trainer
