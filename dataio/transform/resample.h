#pragma once
// Volumes on another grid: every axis on its own, from positions that a table
// gives.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataio/transform/resize.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Per axis D, H, W and output position: which inputs are mixed. The two inputs
// of a tap are the same or neighbours.
using AxisTaps = std::array<std::vector<Tap>, 3>;

// The whole of `in_shape` on `out_shape` positions: half-pixel centres, edges
// clamped, no antialiasing (linear_tap in dataio/transform/resize.h).
AxisTaps centred_taps(const Shape3& in_shape, const Shape3& out_shape);

// Trilinear: along W, then H, then D. `out` has one voxel per triple of taps.
// Memory: two slices of the output. Cost: one to three multiplications per
// output voxel.
void resample_linear(std::span<const float> in, const Shape3& in_shape,
                     const AxisTaps& taps, std::span<float> out);

// Input position nearest to the centre of output position i, both grids
// spanning the same length: floor((i + 1/2) * in_length / out_length).
int64_t nearest_position(int64_t i, int64_t in_length, int64_t out_length);

// For labels: every output voxel is one of the input's, the nearest.
void resample_nearest(std::span<const uint8_t> in, const Shape3& in_shape,
                      const Shape3& out_shape, std::span<uint8_t> out);

}  // namespace voxlift::dataio
