#include "launcher/cli/checkpoint_folder.h"

#include <fcntl.h>

#include <array>
#include <charconv>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kManifestName = "manifest.json";
constexpr int64_t kMaxManifestBytes = 1 << 20;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

uint32_t parse_crc(const std::string& text, const std::string& origin) {
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 8 || result.ec != std::errc() || result.ptr != end) {
    throw DataError(str_cat("'", origin, "': crc32c is '", text,
                            "', expected 8 hex digits"));
  }
  return value;
}

void check_manifest_head(const Json& json, const std::string& path) {
  const auto format = json_get<std::string>(json, "format", path);
  if (format != "voxlift-checkpoint") {
    throw DataError(str_cat("'", path, "': format is '", format,
                            "', expected 'voxlift-checkpoint'"));
  }
  const auto version = json_get<int64_t>(json, "version", path);
  if (version != 1) {
    throw DataError(str_cat("'", path, "': version is ", version,
                            ", this program reads 1"));
  }
}

// Nothing if `file` in `dir` is as the manifest says.
std::string problem_of(const CheckpointFile& file, const std::string& dir,
                       const Files& files) {
  const std::string path = join_path(dir, file.name);
  if (!files.exists(path)) {
    return str_cat("'", path, "' is missing");
  }
  const int64_t bytes = files.size_bytes(path);
  if (bytes != file.bytes) {
    return str_cat("'", path, "' has ", bytes, " bytes, the manifest says ",
                   file.bytes);
  }
  const uint32_t crc = crc32c(files.read(path));
  if (crc != file.crc32c) {
    return str_cat("'", path, "' has checksum ", hex(crc, 8),
                   ", the manifest says ", hex(file.crc32c, 8));
  }
  return {};
}

}  // namespace

bool is_checkpoint_dir(const std::string& dir, const Files& files) {
  return files.exists(join_path(dir, kManifestName));
}

std::vector<std::string> checkpoints_in(const std::string& dir,
                                        const Files& files) {
  const std::string below = join_path(dir, "checkpoints");
  const std::string& parent = files.is_dir(below) ? below : dir;
  std::vector<std::string> found;
  for (const std::string& name : files.list_dir(parent)) {
    const std::string path = join_path(parent, name);
    if (name.starts_with("step_") && files.is_dir(path)) {
      found.push_back(path);
    }
  }
  return found;
}

std::vector<CheckpointFile> read_checkpoint_manifest(const std::string& dir,
                                                     const Files& files) {
  const std::string path = join_path(dir, kManifestName);
  const std::vector<std::byte> bytes = files.read(path, kMaxManifestBytes);
  const Json json = parse_json(as_text(bytes), path);
  check_manifest_head(json, path);
  std::vector<CheckpointFile> listed;
  for (const Json& entry : json_get<Json>(json, "files", path)) {
    CheckpointFile file;
    file.name = json_get<std::string>(entry, "name", path);
    if (file.name.empty() || file.name != base_name(file.name)) {
      throw DataError(
          str_cat("'", path, "': '", file.name, "' is no plain file name"));
    }
    file.bytes = json_get<int64_t>(entry, "bytes", path);
    file.crc32c = parse_crc(json_get<std::string>(entry, "crc32c", path), path);
    listed.push_back(file);
  }
  return listed;
}

std::vector<std::string> verify_checkpoint(const std::string& dir,
                                           const Files& files) {
  std::vector<std::string> problems;
  try {
    for (const CheckpointFile& file : read_checkpoint_manifest(dir, files)) {
      std::string problem = problem_of(file, dir, files);
      if (!problem.empty()) {
        problems.push_back(std::move(problem));
      }
    }
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
  return problems;
}

std::vector<TensorHeader> read_tensor_headers(const std::string& path) {
  const FileDescriptor file(path, O_RDONLY);
  std::array<std::byte, 8> length_bytes{};
  file.read_at(length_bytes, 0);
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes.size(); ++i) {
    length |= std::to_integer<uint64_t>(length_bytes[i]) << (8 * i);
  }
  const auto available =
      static_cast<uint64_t>(RealFiles().size_bytes(path)) - length_bytes.size();
  if (length > available || length > kMaxHeaderBytes) {
    throw DataError(str_cat("'", path, "': the header has ", length,
                            " bytes, the file ", available, " after it"));
  }
  std::vector<std::byte> text(length);
  file.read_at(text, static_cast<int64_t>(length_bytes.size()));
  const Json json = parse_json(as_text(text), path);
  std::vector<TensorHeader> headers;
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      headers.push_back({name, json_get<std::string>(value, "dtype", path),
                         json_get<std::vector<int64_t>>(value, "shape", path)});
    }
  }
  return headers;
}

}  // namespace voxlift::launcher
