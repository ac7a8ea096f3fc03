#pragma once
// Which boxes stand for which true ones, and which of them are learned from.

#include <torch/torch.h>

#include <cstdint>

#include "base/random.h"

namespace voxlift::trainer {

struct AssignOptions {
  double positive_iou = 0.5;  // At least this: stands for the best true box.
  double negative_iou = 0.5;  // Less than this: background. Between: neither.
  // Every true box gets the boxes that overlap it most, all of them, if by at
  // least this; a later true box wins. 0 and less: off.
  double low_quality_iou = 0.0;
};

constexpr int64_t kNeither = -2;
constexpr int64_t kBackground = -1;

// For every box the number of a true box, kBackground or kNeither: int64 (N).
// All are background where there is no true box; a box whose overlaps are not
// numbers is neither.
// Source: Ren et al., NIPS 2015, arXiv 1506.01497, section 3.1.2.
torch::Tensor assign_boxes(const torch::Tensor& boxes_N4,
                           const torch::Tensor& truth_M4,
                           const AssignOptions& options);

struct SampleOptions {
  int64_t count = 256;
  double positive_frac = 0.5;  // At most; background fills the rest.
};

// Rows of the boxes, int64, rising, on the CPU.
struct SampledRows {
  torch::Tensor positive;
  torch::Tensor background;

  int64_t size() const { return positive.size(0) + background.size(0); }
};

// Draws without replacement, every subset of the right size equally likely.
SampledRows sample_rows(const torch::Tensor& assigned_N,
                        const SampleOptions& options, RandomStream& draws);

}  // namespace voxlift::trainer
