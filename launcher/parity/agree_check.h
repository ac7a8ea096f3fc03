#pragma once
// Functions of ours on arrays from outside, for comparison with an independent
// implementation (scripts/prove/metrics_agree*.py). Test-only.

#include <map>
#include <string>

#include "base/json.h"
#include "sharding/h5.h"

namespace voxlift::launcher {

// What a function of ours says about one case: a group of datasets (arrays) and
// attributes (numbers, text). Undefined values are null, or left out. Throws
// DataError naming what the group lacks.
using AgreeCheck = Json (*)(const sharding::H5Group& input);

// By name, the first argument of voxlift-agree. A new one is a function in a
// file of its own, declared here, and a line in agree_main.cpp.
using AgreeChecks = std::map<std::string, AgreeCheck>;

// `predicted`, `reference` (uint8, D x H x W), `spacing` (mm, 3); attributes
// `classes`, `tolerance_mm`, `min_iou`. Per class Dice, IoU, HD95 and surface
// Dice; lesions and the largest component of the voxels above 0.
Json agree_masks(const sharding::H5Group& input);

// `score` (float64), `positive` (uint8); attribute `threshold`. AUC, shares of
// the decision, the best threshold.
Json agree_roc(const sharding::H5Group& input);

// `values` (float64), attribute `q`.
Json agree_quantile(const sharding::H5Group& input);

// `image` (float32, D x H x W), `window`, `stride` (int64, 3); attributes
// `weights`, `flips`, `batch`, `ranks`. The mean scores (2 x D x H x W) of a
// made-up network: with p = sin(0.37 (25 d + 5 h + w)) at place d, h, w of the
// window, they are x * p and x + p.
Json agree_window(const sharding::H5Group& input);

// Detection; arrays are float64. `boxes` (N, 4), `others` (M, 4): IoU and IoBB
// of every pair.
Json agree_boxes(const sharding::H5Group& input);

// `boxes` (N, 4), `scores`, `groups` (N); attribute `max_iou`. Rows that stay.
Json agree_nms(const sharding::H5Group& input);

// `features` (N, C, H, W), `rois` (R, 5), `weight` (of the result's shape);
// attributes `size`, `scale`, `samples`. The maps, and the gradient of their
// sum weighted by `weight`.
Json agree_roi_align(const sharding::H5Group& input);

// `logits`, `targets` (N); attributes `beta`, `alpha`, `gamma`. Smooth L1,
// cross entropy, focal loss, and their gradients.
Json agree_box_losses(const sharding::H5Group& input);

// `logits` (float64, N x K x D x H x W), `label` (int64, N x D x H x W);
// attributes `smoothing`, `background`, `squared`, `smooth`, `gamma`,
// `ce_weight`, `dice_weight`, `focal_weight`. Cross entropy, Dice, focal loss
// and their weighted sum per sample, and the gradients of the samples whose
// loss is no NaN.
Json agree_voxel_losses(const sharding::H5Group& input);

// `truth` (T, 6: image, edges, class), `found` (F, 7: image, edges, score,
// class); attributes `images`, `classes`, `overlap`, `min_overlap`,
// `max_per_image`. FROC and average precision.
Json agree_detections(const sharding::H5Group& input);

}  // namespace voxlift::launcher
