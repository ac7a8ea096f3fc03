#pragma once
// Photographs with boxes in COCO's layout, as scans of three slices.

#include <string>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// `list_path`: JSON with "images" (id, file_name, width, height), "annotations"
// (image_id, category_id, bbox [x, y, width, height], perhaps iscrowd) and
// "categories" (id, name), such as instances_train2017.json. `root`: folder of
// the pictures; empty: the list's own.
//
// One entry a picture with boxes, in list order: its colour planes are the
// slices (VolumeFile::part "rgb"), the middle one is the key slice, and its
// boxes reach through all three. Box classes are the categories by rising id.
// Boxes of crowds are left out, and so are boxes of less than a pixel of width
// or height, as published; `ignored` counts both, and the pictures without
// boxes.
//
// Throws IoError; DataError naming list and image or annotation for a missing
// or repeated field, an unsafe file name, a box wholly outside of its picture,
// an unknown image or category, or a missing file; if no picture has a box.
// Memory: about ten times the list. Cost: one look at every file.
Manifest list_coco(const std::string& list_path, const std::string& root);

}  // namespace voxlift::dataio
