#include "dataio/encode/npy_writer.h"

#include <bit>

#include "base/strings.h"

namespace voxlift::dataio {

static_assert(std::endian::native == std::endian::little);

std::string npy_header(const Shape3& shape) {
  constexpr size_t kPrefix = 10;
  std::string dict =
      str_cat("{'descr': '<f4', 'fortran_order': False, 'shape': (", shape[0],
              ", ", shape[1], ", ", shape[2], "), }");
  // NumPy pads to 64 bytes, so that the voxels are aligned.
  dict.append(63 - (kPrefix + dict.size()) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

}  // namespace voxlift::dataio
