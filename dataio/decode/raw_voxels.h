#pragma once
// Voxels as files store them, to float32.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/decode/byte_source.h"
#include "dataio/decode/decoder.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

enum class ScalarType {
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kFloat16,
  kFloat32,
  kFloat64
};

int scalar_bytes(ScalarType type);
const char* scalar_name(ScalarType type);  // "int16".

// How stored numbers become values: value = slope * number + offset, computed
// in float64 and rounded once.
struct ScalarCode {
  ScalarType type = ScalarType::kUint8;
  bool swapped = false;  // Stored in the other byte order than this machine's.
  double slope = 1.0;
  double offset = 0.0;
};

// `raw` holds out.size() numbers; it is overwritten where they are swapped.
void convert_scalars(std::span<std::byte> raw, const ScalarCode& code,
                     std::span<float> out);

// Throws DataError if a side is below 1, or the voxels exceed the limit or what
// `source` can still give. Nothing is allocated.
void check_claim(const Shape3& shape, ScalarType type, const ByteSource& source,
                 const std::string& origin, const DecodeLimits& limits);
// The same against the limit alone.
void check_shape(const Shape3& shape, const std::string& origin,
                 const DecodeLimits& limits);

// Reads `count` numbers and appends their values. Works piece by piece: stored
// and converted voxels are never both held, and memory is taken as bytes come,
// so that a file which claims much and holds little costs little.
// Throws DataError with both lengths if the source ends before.
void read_scalars(ByteSource& source, const ScalarCode& code, int64_t count,
                  const std::string& origin, std::vector<float>& voxels);

}  // namespace voxlift::dataio
