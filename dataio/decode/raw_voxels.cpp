#include "dataio/decode/raw_voxels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

// IEEE 754 half precision, kept as bits.
struct Half {
  uint16_t bits;

  explicit operator double() const {
    const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
    const int exponent = (bits >> 10) & 31;
    const int fraction = bits & 1023;
    if (exponent == 31) {
      return fraction == 0 ? sign * HUGE_VAL : NAN;
    }
    return exponent == 0 ? sign * std::ldexp(fraction, -24)
                         : sign * std::ldexp(fraction + 1024, exponent - 25);
  }

  explicit operator float() const {
    return static_cast<float>(static_cast<double>(*this));
  }
};

template <typename T>
void convert(std::span<const std::byte> raw, const ScalarCode& code,
             std::span<float> out) {
  const bool scaled = code.slope != 1.0 || code.offset != 0.0;
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
    out[i] = scaled ? static_cast<float>(
                          code.slope * static_cast<double>(value) + code.offset)
                    : static_cast<float>(value);
  }
}

void swap_each(std::span<std::byte> raw, size_t size) {
  for (size_t i = 0; i < raw.size(); i += size) {
    std::reverse(raw.begin() + static_cast<std::ptrdiff_t>(i),
                 raw.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
}

}  // namespace

int scalar_bytes(ScalarType type) {
  switch (type) {
    case ScalarType::kInt8:
    case ScalarType::kUint8:
      return 1;
    case ScalarType::kInt16:
    case ScalarType::kUint16:
    case ScalarType::kFloat16:
      return 2;
    case ScalarType::kInt32:
    case ScalarType::kUint32:
    case ScalarType::kFloat32:
      return 4;
    default:
      return 8;
  }
}

const char* scalar_name(ScalarType type) {
  static constexpr const char* kNames[] = {
      "int8",  "uint8",  "int16",   "uint16",  "int32",  "uint32",
      "int64", "uint64", "float16", "float32", "float64"};
  return kNames[static_cast<size_t>(type)];
}

void convert_scalars(std::span<std::byte> raw, const ScalarCode& code,
                     std::span<float> out) {
  const auto size = static_cast<size_t>(scalar_bytes(code.type));
  VOXLIFT_CHECK(raw.size() == out.size() * size, "one number for each voxel");
  if (code.swapped && size > 1) {
    swap_each(raw, size);
  }
  switch (code.type) {
    case ScalarType::kInt8:
      return convert<int8_t>(raw, code, out);
    case ScalarType::kUint8:
      return convert<uint8_t>(raw, code, out);
    case ScalarType::kInt16:
      return convert<int16_t>(raw, code, out);
    case ScalarType::kUint16:
      return convert<uint16_t>(raw, code, out);
    case ScalarType::kInt32:
      return convert<int32_t>(raw, code, out);
    case ScalarType::kUint32:
      return convert<uint32_t>(raw, code, out);
    case ScalarType::kInt64:
      return convert<int64_t>(raw, code, out);
    case ScalarType::kUint64:
      return convert<uint64_t>(raw, code, out);
    case ScalarType::kFloat16:
      return convert<Half>(raw, code, out);
    case ScalarType::kFloat32:
      return convert<float>(raw, code, out);
    case ScalarType::kFloat64:
      return convert<double>(raw, code, out);
  }
}

void check_shape(const Shape3& shape, const std::string& origin,
                 const DecodeLimits& limits) {
  const std::string claim =
      str_cat(origin, ": claims ", shape[0], " x ", shape[1], " x ", shape[2],
              " voxels (depth x height x width)");
  if (*std::min_element(shape.begin(), shape.end()) < 1) {
    throw DataError(claim + ", want at least 1 x 1 x 1");
  }
  const int64_t limit = limits.max_elements;
  if (shape[0] > limit / shape[1] || shape[0] * shape[1] > limit / shape[2]) {
    throw DataError(str_cat(claim, ", the limit is ", limit));
  }
}

void check_claim(const Shape3& shape, ScalarType type, const ByteSource& source,
                 const std::string& origin, const DecodeLimits& limits) {
  check_shape(shape, origin, limits);
  const int64_t num_bytes = shape[0] * shape[1] * shape[2] * scalar_bytes(type);
  if (num_bytes > source.max_bytes()) {
    throw DataError(str_cat(origin, ": the header claims ", num_bytes,
                            " bytes of voxels, the file cannot hold more than ",
                            source.max_bytes()));
  }
}

void read_scalars(ByteSource& source, const ScalarCode& code, int64_t count,
                  const std::string& origin, std::vector<float>& voxels) {
  constexpr int64_t kPiece = 1 << 16;
  const int64_t size = scalar_bytes(code.type);
  // Takes addresses, not memory: pages come with the first write.
  voxels.reserve(voxels.size() + static_cast<size_t>(count));
  std::vector<std::byte> raw(
      static_cast<size_t>(std::min(kPiece, count) * size));
  for (int64_t first = 0; first < count; first += kPiece) {
    const int64_t num_values = std::min(kPiece, count - first);
    const auto bytes =
        std::span(raw).first(static_cast<size_t>(num_values * size));
    const size_t num_read = source.read(bytes);
    if (num_read < bytes.size()) {
      throw DataError(str_cat(origin, ": ends after ",
                              first * size + static_cast<int64_t>(num_read),
                              " of ", count * size, " bytes of voxels"));
    }
    const size_t before = voxels.size();
    voxels.resize(before + static_cast<size_t>(num_values));
    convert_scalars(bytes, code, std::span(voxels).subspan(before));
  }
}

}  // namespace voxlift::dataio
