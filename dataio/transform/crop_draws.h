#pragma once
// Which part of a scan a training sample shows, and how it is turned.

#include "base/random.h"
#include "dataio/box.h"
#include "dataio/transform/augment_streams.h"
#include "dataio/transform/orientation.h"
#include "dataio/transform/volume_transform.h"
#include "dataio/volume_source.h"

namespace voxlift::dataio {

// The box that becomes the sample; may reach beyond the scan where the scan is
// smaller. Draws of `draws`: the start on D, H, W, also where a foreground
// voxel then decides. Draws of kZoom: three. Draws of kForeground: whether; if
// so, which voxel and its shift on D, H, W.
// Throws DataError naming the source if foreground_frac is above 0 and there is
// no mask.
VoxelBox draw_crop(const VolumeTransformConfig& config,
                   const VolumeSource& source, const AugmentStreams& streams,
                   RandomStream& draws);

// Draws of `draws`: the quarter turns in the planes DH, DW, HW (those that are
// on and have equal sides), the axis of random_flip (if on). Draws of kFlips:
// three.
Orientation draw_orientation(const VolumeTransformConfig& config,
                             const AugmentStreams& streams,
                             RandomStream& draws);

}  // namespace voxlift::dataio
