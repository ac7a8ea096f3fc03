#pragma once
// Planes of scores to planes of labels on another grid, as they come.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/infer/axis_taps.h"
#include "trainer/infer/grid_map.h"

namespace voxlift::trainer {

// Takes the planes of slide_window in rising order and makes the labels (the
// class with the highest score, the first of equal ones) of the turned target
// grid: scores are trilinear between voxels; what lies outside of the source
// grid gets 0. Memory: one plane of scores beside the one that comes, and the
// labels. One thread.
class LabelStream {
 public:
  // `map` must outlive it. At most 256 classes.
  explicit LabelStream(const GridMap& map);

  // Scores (K, H, W) of source plane `plane`.
  void add(int64_t plane, const torch::Tensor& scores_KHW);

  // COLLECTIVE, after the last plane: ranks with planes hand the first of
  // theirs to the rank before them, which may need it. `begin`: first plane of
  // each rank and, behind the last, their number.
  void settle(const std::vector<int64_t>& begin, Communicator& comm);

  // The labels of this rank's planes, (planes, H, W).
  std::vector<uint8_t> take() { return std::move(labels_); }

 private:
  // Makes target planes while they lie before `plane`, or at it.
  void make_until(int64_t plane, const torch::Tensor& scores_KHW);
  void make_plane(const torch::Tensor& scores_KHW);

  const GridMap& map_;
  AxisTaps rows_;
  AxisTaps columns_;
  torch::Tensor first_KHW_;
  torch::Tensor previous_KHW_;
  int64_t previous_ = -1;
  int64_t next_ = -1;  // Target plane; -1: none was seen.
  std::vector<uint8_t> labels_;
};

}  // namespace voxlift::trainer
