#pragma once
// NumPy's array format, version 1 to 3.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/decode/raw_voxels.h"
#include "dataio/decode/volume_file.h"

namespace voxlift::dataio {

// A longer header is refused; NumPy itself stops at 10000 bytes.
inline constexpr size_t kMaxNpyHeaderBytes = 1 << 16;

struct NpyHeader {
  ScalarCode code;  // bool is read as uint8.
  bool fortran_order = false;
  std::vector<int64_t> shape;  // At most 32 axes, each at least 0.
  int64_t header_bytes = 0;    // Magic and lengths included.
};

// `bytes` are the first of the file. The header is a Python dict literal with
// exactly the keys descr, fortran_order and shape; nothing else is understood,
// and nothing is ever evaluated or unpickled. Pure. Throws DataError naming
// what stands where, or the type if it is no real number.
NpyHeader parse_npy_header(std::span<const std::byte> bytes,
                           const std::string& origin);

// Reads the array that `source` starts with, by the fields of `file`: with four
// axes its `position`; spacing and placement from its spacing_mm. `origin`
// names the array. Voxels after the asked ones are not read.
Volume read_npy_array(ByteSource& source, const VolumeFile& file,
                      const std::string& origin, const DecodeLimits& limits,
                      VolumeNotes& notes);

}  // namespace voxlift::dataio
