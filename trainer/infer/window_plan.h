#pragma once
// Where the windows over a volume lie, how much each voxel of a window counts,
// and which rank works where. Pure arithmetic.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataio/box.h"
#include "dataio/volume.h"

namespace voxlift::trainer {

// How a network that sees a window scores a larger volume. Triples are depth,
// height, width in voxels.
struct SlidingWindowConfig {
  dataio::Shape3 window = {32, 256, 256};
  // From one window to the next, at most the window; 0: half the window. The
  // cost grows with window / stride on every axis.
  dataio::Shape3 stride = {0, 0, 0};
  // Weight of a voxel by its place in the window: "gaussian": a normal
  // distribution around the centre with a deviation of an eighth of the side;
  // "count": 1 everywhere, the plain mean.
  std::string weights = "gaussian";
  // Axes ("d", "h", "w", "hw" ...): scores are the mean over the mirrorings
  // along every subset of them, 2, 4 or 8 forward passes.
  std::string flips;
  // Windows per forward pass. More need more memory; the scores' last bits
  // depend on it.
  int64_t batch = 1;

  dataio::Shape3 resolved_stride() const;
  void validate(const std::string& path) const;  // Throws ConfigError.
};

// First voxels of the windows along one axis: every `stride`, the last one
// moved back so that it ends with the volume. A volume that is smaller than the
// window gets one that reaches beyond it, floor((size - window) / 2), so it may
// be negative. Source: inference of the published segmentation code.
std::vector<int64_t> window_starts(int64_t size, int64_t window,
                                   int64_t stride);

// Weight by place along one axis; a window's weight is the product of three.
// Never below 1e-3, so that voxels that only corners of windows see count.
std::vector<double> axis_weights(const std::string& kind, int64_t window);

// Consecutive rows and planes of one rank, [begin, end).
struct RowShare {
  int64_t row_begin = 0;
  int64_t row_end = 0;
  int64_t plane_begin = 0;
  int64_t plane_end = 0;
};

// The windows over one volume. Windows of equal depth are a "row"; rows are
// numbered by rising depth. A value.
class WindowPlan {
 public:
  // `config` is valid. Throws ConfigError if `shape` has an empty side.
  WindowPlan(const dataio::Shape3& shape, const SlidingWindowConfig& config);

  const dataio::Shape3& shape() const { return shape_; }

  const dataio::Shape3& window() const { return window_; }

  int64_t num_rows() const { return static_cast<int64_t>(starts_[0].size()); }

  int64_t windows_per_row() const;

  // Of all rows.
  int64_t num_windows() const { return num_rows() * windows_per_row(); }

  const std::vector<int64_t>& starts(size_t axis) const {
    return starts_[axis];
  }

  // First plane of a row, and the one after its last, within the volume.
  int64_t row_begin(int64_t row) const;
  int64_t row_end(int64_t row) const;

  // Everything that the windows of `row` see; may reach beyond the volume.
  dataio::VoxelBox row_box(int64_t row) const;

  // Sum of the weights of all windows, by position along `axis`; the sum at a
  // voxel is the product of the three axes'.
  std::vector<double> weight_sums(size_t axis, const std::string& kind) const;

  // The rows of `rank`: as many as the others' or one more. Its planes are
  // those that its rows see and the rows of lower ranks do not. Ranks beyond
  // the rows have neither. The shares of all ranks cover everything once.
  RowShare share(int rank, int size) const;

 private:
  dataio::Shape3 shape_;
  dataio::Shape3 window_;
  std::array<std::vector<int64_t>, 3> starts_;
};

}  // namespace voxlift::trainer
