#pragma once
// A volume brought to a given shape: cropped and padded, or resampled.

#include <cstdint>
#include <span>

#include "base/random.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// First voxel of the central crop of `length` on each axis, floor((size -
// length) / 2): negative where the volume is smaller and is padded.
Shape3 center_start(const Shape3& size, const Shape3& length);

// Moves the central crop by a whole number of voxels, uniform over those in
// [-max_shift, max_shift] that neither leave the volume nor, on an axis where
// the volume is smaller than the crop, cut it. Draws: one per axis, D, H, W.
Shape3 draw_start(const Shape3& size, const Shape3& length, int64_t max_shift,
                  RandomStream& draws);

// Copies the crop that begins at `start`; outside the volume `out` gets 0.
void crop_volume(const Volume& volume, const Shape3& start,
                 const Shape3& length, std::span<float> out);

// Trilinear, half-pixel centres, edges clamped, no antialiasing.
void resize_volume(const Volume& volume, const Shape3& length,
                   std::span<float> out);

}  // namespace voxlift::dataio
