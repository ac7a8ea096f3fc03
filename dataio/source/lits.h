#pragma once
// Liver and tumour segmentation in abdominal CT (LiTS 2017).

#include <string>
#include <vector>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// Layout: volume-N.nii and segmentation-N.nii (or .nii.gz) in `root` or in
// folders directly below it. A segmentation without its volume goes to
// `ignored`.
//
// `split`: "val" and "test" are the published 13 volumes each, in the published
// order; "train" the other ones by number; "all" every one by number.
// `mask_classes`: names of the masks' values; empty: background, liver, tumour,
// as distributed. Ids are "volume-N".
//
// Throws IoError; ConfigError for another split; DataError if there is no
// volume, two files have one number, a volume has no segmentation, or one of a
// published list is missing.
Manifest list_lits(const std::string& root, const std::string& split,
                   const std::vector<std::string>& mask_classes = {});

}  // namespace voxlift::dataio
