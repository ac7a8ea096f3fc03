#include "trainer/weights/safetensors.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // The format's own limit.
constexpr size_t kAlignment = 8;

struct DTypeName {
  torch::ScalarType type;
  const char* name;
};

constexpr std::array<DTypeName, 10> kDTypes = {{{torch::kFloat32, "F32"},
                                                {torch::kFloat64, "F64"},
                                                {torch::kFloat16, "F16"},
                                                {torch::kBFloat16, "BF16"},
                                                {torch::kInt64, "I64"},
                                                {torch::kInt32, "I32"},
                                                {torch::kInt16, "I16"},
                                                {torch::kInt8, "I8"},
                                                {torch::kUInt8, "U8"},
                                                {torch::kBool, "BOOL"}}};

const char* dtype_name(torch::ScalarType type) {
  for (const auto& entry : kDTypes) {
    if (entry.type == type) {
      return entry.name;
    }
  }
  throw InternalError("safetensors has no name for this tensor's type");
}

torch::ScalarType dtype_of(const std::string& name, const std::string& where) {
  for (const auto& entry : kDTypes) {
    if (name == entry.name) {
      return entry.type;
    }
  }
  throw DataError(str_cat(where, ": unknown dtype '", name, "'"));
}

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

// The number of bytes that a tensor of this shape needs; checks for overflow.
uint64_t needed_bytes(const std::vector<int64_t>& shape, torch::ScalarType type,
                      const std::string& where) {
  uint64_t bytes = c10::elementSize(type);
  for (const int64_t n : shape) {
    if (n < 0 ||
        __builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes)) {
      throw DataError(str_cat(where, ": impossible dimension ", n));
    }
  }
  return bytes;
}

torch::Tensor parse_tensor(const Json& entry, std::span<const std::byte> data,
                           const std::string& where) {
  const auto type =
      dtype_of(json_get<std::string>(entry, "dtype", where), where);
  const auto shape = json_get<std::vector<int64_t>>(entry, "shape", where);
  const auto offsets =
      json_get<std::vector<uint64_t>>(entry, "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1] ||
      offsets[1] > data.size()) {
    throw DataError(str_cat(where, ": data_offsets point past the ",
                            data.size(), " bytes of data"));
  }
  const uint64_t expected = needed_bytes(shape, type, where);
  const uint64_t found = offsets[1] - offsets[0];
  if (expected != found) {
    throw DataError(str_cat(where, ": shape and dtype need ", expected,
                            " bytes, data_offsets span ", found));
  }
  torch::Tensor tensor = torch::empty(shape, type);
  if (found > 0) {
    std::memcpy(tensor.data_ptr(), data.data() + offsets[0], found);
  }
  return tensor;
}

// A file's two parts.
struct File {
  Json header;
  std::span<const std::byte> data;
};

File split_file(std::span<const std::byte> bytes, const std::string& origin) {
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    throw DataError(str_cat("'", origin, "' has ", bytes.size(),
                            " bytes: not a safetensors file"));
  }
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    throw DataError(str_cat("'", origin, "': header of ", length,
                            " bytes in a file of ", bytes.size()));
  }
  File file = {parse_json(as_text(bytes.subspan(kLengthBytes, length)), origin),
               bytes.subspan(kLengthBytes + length)};
  if (!file.header.is_object()) {
    throw DataError(str_cat("'", origin, "': the header is no JSON object"));
  }
  return file;
}

constexpr const char* kMetadata = "__metadata__";

}  // namespace

std::string safetensors_header(const TensorMap& tensors,
                               const Metadata& metadata) {
  Json header = {{kMetadata, {{"format", "pt"}}}};
  for (const auto& [name, text] : metadata) {
    header[kMetadata][name] = text;
  }
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const size_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", dtype_name(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string json = header.dump();
  json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');
  const uint64_t length = json.size();
  std::string text(kLengthBytes, '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + json;
}

SafetensorsImage::SafetensorsImage(TensorMap tensors, const Metadata& metadata)
    : tensors_(std::move(tensors)),
      header_(safetensors_header(tensors_, metadata)) {}

std::vector<std::span<const std::byte>> SafetensorsImage::pieces() const {
  std::vector<std::span<const std::byte>> pieces = {as_bytes(header_)};
  for (const auto& [name, tensor] : tensors_) {
    pieces.push_back(bytes_of(tensor));
  }
  return pieces;
}

TensorMap parse_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin) {
  const File file = split_file(bytes, origin);
  TensorMap tensors;
  for (const auto& [name, entry] : file.header.items()) {
    if (name != kMetadata) {
      tensors.emplace_back(
          name, parse_tensor(entry, file.data,
                             str_cat("'", origin, "', tensor '", name, "'")));
    }
  }
  return tensors;
}

Metadata parse_safetensors_metadata(std::span<const std::byte> bytes,
                                    const std::string& origin) {
  const Json header = split_file(bytes, origin).header;
  return header.contains(kMetadata)
             ? json_get<Metadata>(header, kMetadata, origin)
             : Metadata();
}

}  // namespace voxlift::trainer
