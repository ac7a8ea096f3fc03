#include "trainer/checkpoint/manifest.h"

#include <charconv>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kFormat = "voxlift-checkpoint";
constexpr int64_t kVersion = 2;
constexpr int64_t kMaxBytes = 16 << 20;
constexpr int64_t kMaxFileBytes = int64_t{1} << 40;      // No sum overflows.
constexpr const char* kOwnChecksum = "manifest_crc32c";  // The last member.
constexpr int kCrcDigits = 8;

std::string crc_text(uint32_t crc) {
  return hex(crc, kCrcDigits);
}

uint32_t parse_crc(const Json& entry, const std::string& origin) {
  const auto text = json_get<std::string>(entry, "crc32c", origin);
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, 16);
  if (text.size() != kCrcDigits || result.ec != std::errc() ||
      result.ptr != end) {
    throw DataError(str_cat("'", origin, "': crc32c is '", text,
                            "', expected 8 hex digits"));
  }
  return value;
}

int64_t parse_bytes(const Json& entry, const std::string& origin) {
  const auto bytes = json_get<int64_t>(entry, "bytes", origin);
  if (bytes < 0 || bytes > kMaxFileBytes) {
    throw DataError(str_cat("'", origin, "': bytes = ", bytes,
                            ", expected 0 to ", kMaxFileBytes));
  }
  return bytes;
}

// Version 1 has no pieces: the whole file is one.
ManifestFile parse_file(const Json& entry, int64_t version,
                        const std::string& origin) {
  ManifestFile file{.name = json_get<std::string>(entry, "name", origin),
                    .pieces = {}};
  if (file.name.empty() || file.name != base_name(file.name)) {
    throw DataError(
        str_cat("'", origin, "': '", file.name, "' is no plain file name"));
  }
  const int64_t bytes = parse_bytes(entry, origin);
  if (version == 1) {
    file.pieces.push_back({bytes, parse_crc(entry, origin)});
    return file;
  }
  for (const Json& piece : json_get<Json>(entry, "pieces", origin)) {
    file.pieces.push_back(
        {parse_bytes(piece, origin), parse_crc(piece, origin)});
  }
  if (file.bytes() != bytes) {
    throw DataError(str_cat("'", origin, "': the pieces of '", file.name,
                            "' have ", file.bytes(), " bytes, the file ",
                            bytes));
  }
  return file;
}

int64_t check_head(const Json& json, const std::string& origin) {
  const auto format = json_get<std::string>(json, "format", origin);
  if (format != kFormat) {
    throw DataError(str_cat("'", origin, "': format is '", format,
                            "', expected '", kFormat, "'"));
  }
  const auto version = json_get<int64_t>(json, "version", origin);
  if (version < 1 || version > kVersion) {
    throw DataError(str_cat("'", origin, "': version is ", version,
                            ", this program reads 1 to ", kVersion));
  }
  return version;
}

// Of all bytes in front of the member that holds it.
std::string own_checksum(std::string_view text) {
  const std::string key = str_cat("\"", kOwnChecksum, "\"");
  return crc_text(crc32c(as_bytes(text.substr(0, text.rfind(key)))));
}

void check_own_checksum(const Json& json, std::string_view text,
                        const std::string& origin) {
  const auto expected = json_get<std::string>(json, kOwnChecksum, origin);
  const std::string found = own_checksum(text);
  if (found != expected) {
    throw DataError(str_cat("'", origin, "' has checksum ", found,
                            ", its last member says ", expected));
  }
}

}  // namespace

int64_t ManifestFile::bytes() const {
  int64_t sum = 0;
  for (const ManifestPiece& piece : pieces) {
    sum += piece.bytes;
  }
  return sum;
}

std::string Manifest::text() const {
  Json json = {{"format", kFormat}, {"version", kVersion}};
  json["files"] = Json::array();
  for (const ManifestFile& file : files) {
    Json pieces = Json::array();
    for (const ManifestPiece& piece : file.pieces) {
      pieces.push_back(
          {{"bytes", piece.bytes}, {"crc32c", crc_text(piece.crc32c)}});
    }
    json["files"].push_back(
        {{"name", file.name}, {"bytes", file.bytes()}, {"pieces", pieces}});
  }
  json[kOwnChecksum] = crc_text(0);  // What stands in front stays the same.
  json[kOwnChecksum] = own_checksum(json.dump(2));
  return json.dump(2) + "\n";
}

Manifest Manifest::parse(std::string_view text, const std::string& origin) {
  const Json json = parse_json(text, origin);
  const int64_t version = check_head(json, origin);
  if (version > 1) {
    check_own_checksum(json, text, origin);
  }
  Manifest manifest;
  for (const Json& entry : json_get<Json>(json, "files", origin)) {
    manifest.files.push_back(parse_file(entry, version, origin));
  }
  return manifest;
}

ManifestFile manifest_file(const std::string& name,
                           std::span<const std::byte> bytes) {
  return {.name = name,
          .pieces = {{static_cast<int64_t>(bytes.size()), crc32c(bytes)}}};
}

Manifest read_manifest(const Files& files, const std::string& dir) {
  const std::string path = join_path(dir, kManifestFile);
  const std::vector<std::byte> bytes = files.read(path, kMaxBytes);
  return Manifest::parse(as_text(bytes), path);
}

const ManifestFile& find_file(const Manifest& manifest, const std::string& name,
                              const std::string& dir) {
  for (const ManifestFile& file : manifest.files) {
    if (file.name == name) {
      return file;
    }
  }
  throw DataError(str_cat("'", dir, "': the manifest has no '", name, "'"));
}

namespace {

void check_size(const ManifestFile& file, int64_t found,
                const std::string& path) {
  if (found != file.bytes()) {
    throw DataError(str_cat("'", path, "' has ", found,
                            " bytes, the manifest says ", file.bytes()));
  }
}

void check_piece(const ManifestPiece& piece, std::span<const std::byte> bytes,
                 int64_t offset, const std::string& path) {
  const uint32_t found = crc32c(bytes);
  if (found != piece.crc32c) {
    throw DataError(str_cat("'", path, "' has checksum ", crc_text(found),
                            " in bytes ", offset, " to ", offset + piece.bytes,
                            ", the manifest says ", crc_text(piece.crc32c)));
  }
}

}  // namespace

void check_bytes(const ManifestFile& file, std::span<const std::byte> bytes,
                 const std::string& path) {
  check_size(file, static_cast<int64_t>(bytes.size()), path);
  int64_t offset = 0;
  for (const ManifestPiece& piece : file.pieces) {
    check_piece(piece,
                bytes.subspan(static_cast<size_t>(offset),
                              static_cast<size_t>(piece.bytes)),
                offset, path);
    offset += piece.bytes;
  }
}

void check_file(const Files& files, const std::string& dir,
                const ManifestFile& file) {
  const std::string path = join_path(dir, file.name);
  if (!files.exists(path)) {
    throw DataError(str_cat("'", path, "' is missing"));
  }
  check_size(file, files.size_bytes(path), path);
  int64_t offset = 0;
  for (const ManifestPiece& piece : file.pieces) {
    check_piece(piece, files.read_range(path, offset, piece.bytes), offset,
                path);
    offset += piece.bytes;
  }
}

}  // namespace voxlift::trainer
