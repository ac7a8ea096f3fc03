#include "trainer/checkpoint/tensor_header.h"

#include <fcntl.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // The format's own limit.
constexpr uint64_t kLengthBytes = 8;

uint64_t dtype_bytes(const std::string& dtype, const std::string& where) {
  constexpr std::array<std::pair<const char*, uint64_t>, 10> kSizes = {
      {{"F32", 4},
       {"F64", 8},
       {"F16", 2},
       {"BF16", 2},
       {"I64", 8},
       {"I32", 4},
       {"I16", 2},
       {"I8", 1},
       {"U8", 1},
       {"BOOL", 1}}};
  for (const auto& [name, bytes] : kSizes) {
    if (dtype == name) {
      return bytes;
    }
  }
  throw DataError(str_cat(where, ": unknown dtype '", dtype, "'"));
}

uint64_t needed_bytes(const TensorHeader& tensor, const std::string& where) {
  uint64_t bytes = dtype_bytes(tensor.dtype, where);
  for (const int64_t n : tensor.shape) {
    if (n < 0 ||
        __builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes)) {
      throw DataError(str_cat(where, ": impossible dimension ", n));
    }
  }
  return bytes;
}

struct HeaderText {
  std::string json;
  uint64_t data_bytes = 0;  // What follows it.
};

HeaderText read_header(const std::string& path) {
  const FileDescriptor file(path, O_RDONLY);
  const auto size = static_cast<uint64_t>(RealFiles().size_bytes(path));
  std::array<std::byte, kLengthBytes> length_bytes{};
  file.read_at(length_bytes, 0);
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes.size(); ++i) {
    length |= std::to_integer<uint64_t>(length_bytes[i]) << (8 * i);
  }
  const uint64_t available = size - kLengthBytes;
  if (length > available || length > kMaxHeaderBytes) {
    throw DataError(str_cat("'", path, "': the header has ", length,
                            " bytes, the file ", available, " after it"));
  }
  HeaderText text{.json = std::string(length, '\0'),
                  .data_bytes = available - length};
  file.read_at(std::as_writable_bytes(std::span(text.json)), kLengthBytes);
  return text;
}

// The tensor `name`, which must begin at `*offset`; moves it to its end.
TensorHeader parse_tensor(const std::string& name, const Json& entry,
                          const std::string& where, uint64_t* offset) {
  TensorHeader tensor{
      .name = name,
      .dtype = json_get<std::string>(entry, "dtype", where),
      .shape = json_get<std::vector<int64_t>>(entry, "shape", where)};
  const auto offsets =
      json_get<std::vector<uint64_t>>(entry, "data_offsets", where);
  const uint64_t bytes = needed_bytes(tensor, where);
  if (offsets.size() != 2 || offsets[0] != *offset || offsets[1] < offsets[0] ||
      offsets[1] - offsets[0] != bytes) {
    throw DataError(str_cat(where, ": data_offsets are ",
                            entry["data_offsets"].dump(), ", expected [",
                            *offset, ",", *offset + bytes, "]"));
  }
  *offset = offsets[1];
  return tensor;
}

}  // namespace

std::vector<TensorHeader> read_tensor_headers(const std::string& path) {
  const HeaderText text = read_header(path);
  const Json json = parse_json(text.json, path);
  std::vector<TensorHeader> headers;
  uint64_t offset = 0;
  for (const auto& [name, entry] : json.items()) {
    if (name != "__metadata__") {
      headers.push_back(parse_tensor(
          name, entry, str_cat("'", path, "', tensor '", name, "'"), &offset));
    }
  }
  if (offset != text.data_bytes) {
    throw DataError(str_cat("'", path, "': the tensors have ", offset,
                            " bytes, the file ", text.data_bytes,
                            " after the header"));
  }
  return headers;
}

}  // namespace voxlift::trainer
