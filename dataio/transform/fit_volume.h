#pragma once
// A volume brought to a given shape: cropped and padded, or resampled.

#include <cstdint>
#include <span>

#include "base/random.h"
#include "dataio/box.h"
#include "dataio/transform/workspace.h"
#include "dataio/volume.h"
#include "dataio/volume_source.h"

namespace voxlift::dataio {

// First voxel of the central crop of `length` on each axis, floor((size -
// length) / 2): negative where the volume is smaller and is padded.
Shape3 center_start(const Shape3& size, const Shape3& length);

// Moves the central crop by a whole number of voxels, uniform over those in
// [-max_shift, max_shift] that neither leave the volume nor, on an axis where
// the volume is smaller than the crop, cut it. Draws: one per axis, D, H, W.
Shape3 draw_start(const Shape3& size, const Shape3& length, int64_t max_shift,
                  RandomStream& draws);

// Places the voxels of `inside`, a part of the crop of `length` that begins at
// `start` (all in the volume's coordinates), where they belong in the crop, and
// `outside` elsewhere.
template <typename T>
void place_box(std::span<const T> voxels, const VoxelBox& inside,
               const Shape3& start, const Shape3& length, T outside,
               std::span<T> out);

// The part of `box` that lies within a volume of `shape`; sizes may be 0.
VoxelBox clip_box(const VoxelBox& box, const Shape3& shape);

// Reads a box that may reach beyond the volume, where `out` gets `outside`.
void read_padded_image(const VolumeSource& source, const VoxelBox& box,
                       float outside, Workspace& workspace,
                       std::span<float> out);

// Likewise the mask, 0 beyond the volume.
void read_padded_mask(const VolumeSource& source, const VoxelBox& box,
                      Workspace& workspace, std::span<uint8_t> out);

// Trilinear, half-pixel centres, edges clamped, no antialiasing.
void resize_volume(const Volume& volume, const Shape3& length,
                   std::span<float> out);

}  // namespace voxlift::dataio
