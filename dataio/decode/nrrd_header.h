#pragma once
// The text header of NRRD files (.nrrd, .nhdr).

#include <cstdint>
#include <string>
#include <string_view>

#include "dataio/decode/raw_voxels.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

enum class NrrdEncoding { kRaw, kGzip, kBzip2, kText };

struct NrrdHeader {
  Shape3 shape{1, 1, 1};
  int64_t num_frames = 1;  // Length of a fourth, slowest axis.
  ScalarCode code;
  NrrdEncoding encoding = NrrdEncoding::kRaw;
  std::array<double, 3> spacing_mm{1, 1, 1};
  Affine affine = kIdentityAffine;
  // Empty: the voxels follow the header.
  std::string data_file;
  int64_t line_skip = 0;
  int64_t byte_skip = 0;  // -1: raw voxels are the last bytes of the file.
  int64_t header_bytes = 0;
};

// `text` starts with the header; what follows the empty line at its end is not
// looked at. Strict: a field that NRRD does not have, or has twice, is an
// error. Spaces: left-posterior-superior, right-anterior-superior,
// left-anterior-superior; without one, kIdentityAffine with the spacings.
// Pure. Throws DataError naming the field and its value.
NrrdHeader parse_nrrd_header(std::string_view text, const std::string& origin);

}  // namespace voxlift::dataio
