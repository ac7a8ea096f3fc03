#pragma once
// Abdominal organs in CT: "Beyond the Cranial Vault" (BTCV, MICCAI 2015).

#include <string>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// Two layouts below `root`, told apart by what is there:
//   all_files.txt and images/bcv_N.npz: the published lists' order; "voxel" and
//     "answer1", stored (H, W, D), without a spacing;
//   imagesTr/img00NN.nii.gz and labelsTr/label00NN.nii.gz, as distributed (or
//     img/ and label/), by number.
// `split`: "val" and "test" are both volumes 35 to 40, "train" the others,
// "all" both, as published. The 14 mask classes are the published ones.
//
// Throws IoError; ConfigError for another split; DataError naming file and line
// for a name that is not bcv_N.npz or comes twice, a missing file, or an image
// without label.
Manifest list_bcv(const std::string& root, const std::string& split);

}  // namespace voxlift::dataio
