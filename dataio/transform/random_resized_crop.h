#pragma once
// The random and the central rectangle that a photograph is cropped to.

#include <cstdint>

#include "base/random.h"
#include "dataio/transform/photo_transform.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

// A rectangle with area fraction uniform in [min_area_frac, max_area_frac] and
// aspect ratio (width / height) exp(uniform(ln 3/4, ln 4/3)), sides rounded
// half to even; tried at most ten times until it fits. Then top and left are
// uniform. If none fits: central_crop(). At least 1 x 1, inside the picture.
//
// Draws, in this order: per try the area and the log ratio; once fitting, top,
// then left. Source: the Inception crop of Szegedy et al., "Going deeper with
// convolutions", 2014, arXiv 1409.4842, in the form that ImageNet pipelines
// share.
CropBox draw_crop(int64_t height, int64_t width,
                  const PhotoTransformConfig& config, RandomStream& draws);

// The largest central rectangle whose aspect ratio is within [3/4, 4/3].
CropBox central_crop(int64_t height, int64_t width);

// Evaluation: resizes the short side to `resize_short` (the long one in
// proportion, truncated) and takes the central `size` x `size` (offsets rounded
// half to even).
ResizePlan plan_center_crop(int64_t height, int64_t width, int64_t resize_short,
                            int64_t size);

}  // namespace voxlift::dataio
