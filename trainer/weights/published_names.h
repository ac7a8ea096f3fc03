#pragma once
// Names of published files, as names of a network of ours.
//
// Source: the files of torchvision, mmdetection 1.x and 2.x, MedicalNet and of
// Zhang et al. (trainer/model/resnet3d.h, trainer/model/p3d.h). Our networks
// keep the published names, so what differs is prefixes and, in detectors of
// mmdetection 1.x, the place of the background among the classes.

#include <set>
#include <string>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// `source` under the names that the network has (`known`): "module." goes;
// "backbone.", "head." and "roi_head." come or go, as the network needs. Names
// that no prefix makes known stay, without "module.".
//
// A box head of mmdetection 1.x (bbox_head.* without roi_head.) has the
// background first, later versions and ours have it last: its rows are moved,
// its box deltas dropped.
//
// Throws DataError naming both where two tensors would have one name.
TensorMap with_network_names(const TensorMap& source,
                             const std::set<std::string>& known);

// Does the file hold a whole detector: heads that propose or tell boxes?
bool has_box_heads(const TensorMap& source);

// Do 18- or 34-layer networks of early files have a shortcut in the first
// block, where none is needed? Names: layer1.0.downsample.*.
bool has_early_shortcut(const TensorMap& source);

// `source` without that shortcut.
TensorMap without_early_shortcut(TensorMap source);

}  // namespace voxlift::trainer
