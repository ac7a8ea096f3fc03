#pragma once
// Boxes of findings carried along with the voxels.

#include <array>
#include <vector>

#include "dataio/box.h"

namespace voxlift::dataio {

// Product of the lengths; 0 where one is not positive.
double box_volume(const LabelledBox& box);

// Edges x become (x - start) * scale, per axis.
LabelledBox map_box(const LabelledBox& box, const Shape3& start,
                    const std::array<double, 3>& scale);

// The part of `box` within a volume of `shape`; lengths are 0 where nothing is.
LabelledBox clip_box(const LabelledBox& box, const Shape3& shape);

// Clips each box to a volume of `shape` and drops those of which less than
// `min_frac` of the volume is left, and those of which nothing is.
std::vector<LabelledBox> keep_boxes(const std::vector<LabelledBox>& boxes,
                                    const Shape3& shape, double min_frac);

}  // namespace voxlift::dataio
