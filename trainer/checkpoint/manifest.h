#pragma once
// manifest.json of a checkpoint: which files belong to it and the checksum of
// every byte. Format: docs/checkpoint_format.md. No LibTorch here.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace voxlift::trainer {

constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";
constexpr const char* kStateFile = "state.json";
constexpr const char* kManifestFile = "manifest.json";

// What one rank wrote of a file.
struct ManifestPiece {
  int64_t bytes = 0;
  uint32_t crc32c = 0;
};

struct ManifestFile {
  std::string name;                   // Plain, without a folder.
  std::vector<ManifestPiece> pieces;  // One after the other.

  int64_t bytes() const;
};

struct Manifest {
  std::vector<ManifestFile> files;

  // The file's text, its own checksum included.
  std::string text() const;

  // Reads versions 1 and 2. Throws DataError naming `origin` and what is wrong.
  static Manifest parse(std::string_view text, const std::string& origin);
};

// One piece that is all of `bytes`.
ManifestFile manifest_file(const std::string& name,
                           std::span<const std::byte> bytes);

// manifest.json in `dir`. Throws IoError, DataError.
Manifest read_manifest(const Files& files, const std::string& dir);

// The entry `name`. Throws DataError naming `dir` if there is none.
const ManifestFile& find_file(const Manifest& manifest, const std::string& name,
                              const std::string& dir);

// Compares `bytes`, all of the file at `path`, with its entry. Throws DataError
// naming `path` and both sizes, or the piece and both checksums.
void check_bytes(const ManifestFile& file, std::span<const std::byte> bytes,
                 const std::string& path);

// The same for a file in `dir`, read piece by piece. Throws IoError, too.
void check_file(const Files& files, const std::string& dir,
                const ManifestFile& file);

}  // namespace voxlift::trainer
