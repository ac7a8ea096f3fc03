#pragma once
// The text header of MetaImage files (.mha, .mhd).

#include <cstdint>
#include <string>
#include <string_view>

#include "dataio/decode/raw_voxels.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

struct MetaImageHeader {
  Shape3 shape{1, 1, 1};
  ScalarCode code;
  bool compressed = false;
  Placement placement;  // In LPS.
  std::array<double, 3> spacing_mm{1, 1, 1};
  // Empty: the voxels follow the header.
  std::string data_file;
  // Bytes before the voxels in the data file; -1: they are its last ones.
  int64_t skipped_bytes = 0;
  int64_t header_bytes = 0;
};

// By the first line: a key of MetaImage and "=".
bool starts_like_metaimage(std::string_view head);

// `text` starts with the header; what follows it is not looked at. Keys that
// say nothing about voxels are passed over. Pure. Throws DataError naming the
// key and its value.
MetaImageHeader parse_metaimage_header(std::string_view text,
                                       const std::string& origin);

}  // namespace voxlift::dataio
