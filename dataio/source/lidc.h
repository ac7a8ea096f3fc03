#pragma once
// Lung nodules of LIDC-IDRI, cut out and resampled to about 1 mm.

#include <string>

#include "dataio/manifest.h"

namespace voxlift::dataio {

enum class LidcTask { kMalignancy, kSegmentation };

// Layout below `root`:
//   nodule/<index>.npz   "voxel" (D, H, W) and the readers' masks "answer1"..
//   info/lidc_nodule_info_new_with_subset.csv   columns index, uid (the
//                        patient), malignancy_mode, among others
//   train_test_split.csv columns train, test: "<index>.npz"
//
// `split`: "train", "test", or "all" (both lists). Nodules come in the order of
// the info file, those listed twice once; the subject is the patient. Spacing
// is set to 1 mm.
//   kMalignancy: mode 3 is left out; 1, 2 are "benign" (0), 4, 5 "malignant"
//     (1).
//   kSegmentation: all nodules; mask "answer1": background, nodule.
// The published lists share patients: for a disjoint split take "all" and
// split_by_subject.
//
// Throws IoError; ConfigError for another split; DataError naming file and line
// for a missing column, a listed nodule that the info file lacks, a nodule in
// both lists or twice in the info file, a mode that is not 1 to 5, or a missing
// file.
Manifest list_lidc(const std::string& root, const std::string& split,
                   LidcTask task);

}  // namespace voxlift::dataio
