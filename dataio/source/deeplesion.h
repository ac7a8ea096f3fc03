#pragma once
// Lesions in CT key slices (DeepLesion, NIH Clinical Center).

#include <string>

#include "dataio/manifest.h"

namespace voxlift::dataio {

struct DeepLesionOptions {
  // Slices are read this far to both sides of the key slice, as far as they
  // exist without a gap. 9 slices at 2.5 mm need 10.
  double context_mm = 15.0;
  // Lesions marked as possibly noisy: kept, as published.
  bool keep_noisy = true;
  // Key slices whose file is missing go to `ignored` instead of failing: the
  // data come in 56 archives.
  bool skip_missing = false;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Layout below `root`:
//   Images_png/<patient>_<study>_<series>/NNN.png (or Images_png/Images_png/)
//   DL_info.csv, or else annotation/deeplesion_{train,val,test}.json (or
//     annotations/) in COCO's form.
// One entry a key slice, in list order; its id is "<folder>/NNN.png", its
// subject the patient. The image is a run of slices with 32768 taken off (HU),
// spacing from the list; `key_slice` counts from the run's first slice. Boxes
// of all rows of a key slice, class "lesion", lie on it, in pixels from 0, cut
// at the image's edge. DL_info.csv counts pixels from 1: 1 is taken off.
// `split`: "train", "val", "test" (Train_Val_Test 1, 2, 3), or "all".
//
// Throws IoError; ConfigError for another split; DataError naming file and line
// or image for a missing column or field, a bad number, a box outside of the
// image, an unsafe file name, rows of one key slice that disagree, or a missing
// file. Cost: one listing a folder.
Manifest list_deeplesion(const std::string& root, const std::string& split,
                         const DeepLesionOptions& options);

}  // namespace voxlift::dataio
