#pragma once
// Bilinear resize of picture rows into normalised float planes, in one pass.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataio/decode/row_source.h"
#include "dataio/transform/photo_region.h"

namespace voxlift::dataio {

// What happens to the pixels beyond the resize.
struct PlaneOutput {
  // Red, green and blue go to these planes.
  std::array<int, 3> plane_of = {0, 1, 2};
  bool flip = false;  // Mirror left and right.
  // A value v in 0 to 255 becomes (v - mean) / std.
  double mean = 0.0;
  double std = 1.0;
};

// Resizes with memory that is used again. Weights are fixed-point (vertically 7
// bits, horizontally 14) and all sums are integers, so that the result is the
// same bits on every processor; a value differs from the exact one by less than
// 1 of 255 (docs/photographs.md).
//
// One thread.
class PlaneResizer {
 public:
  // Writes three planes, (3, rows.count, columns.count), into `out`. `source`
  // gives the rows of `region.region.box`. Errors are those of `source`.
  // Cost: per output value one vertical and one horizontal blend.
  void resize(const PhotoRegion& region, RowSource& source,
              const PlaneOutput& output, std::span<float> out);

 private:
  void set_columns(const PhotoRegion& region, bool flip);
  void blend(const SampleAxis& rows, int64_t y, RowSource& source);

  std::vector<int32_t> offsets_;  // Of each column's left neighbour.
  std::vector<int16_t> weights_;  // Of the left and the right neighbour.
  std::vector<int16_t> blended_;  // Two rows of pixels made one.
};

}  // namespace voxlift::dataio
