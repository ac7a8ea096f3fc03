#pragma once
// A whole scan in memory, on its way from files to shards.

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/box.h"
#include "dataio/decode/decoder.h"
#include "dataio/manifest.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Image, and what belongs to its voxels.
struct Scan {
  Volume image;
  std::vector<uint8_t> mask;  // Of the image's shape, or empty.
  std::vector<LabelledBox> boxes;
  int64_t key_slice = -1;
};

// Reads the files of `entry`. Throws DataError naming the file if the mask has
// another shape than the image, lies elsewhere in the patient (a corner by more
// than half a voxel; where both formats tell), or has values that are no
// integer from 0 to 255, or if a box is empty or beside the image; IoError.
[[nodiscard]] Scan read_scan(const VolumeEntry& entry,
                             const DecodeLimits& limits = {});

}  // namespace voxlift::dataio
