#pragma once
// Checkpoint folders as files: names, sizes, checksums and tensor headers,
// without LibTorch. Format: docs/checkpoint_format.md.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"

namespace voxlift::launcher {

struct CheckpointFile {
  std::string name;
  int64_t bytes = 0;
  uint32_t crc32c = 0;
};

struct TensorHeader {
  std::string name;
  std::string dtype;  // "F32", ...
  std::vector<int64_t> shape;
};

// Is there a manifest.json in `dir`?
bool is_checkpoint_dir(const std::string& dir, const Files& files);

// The step_* folders in `dir`, or in `dir`/checkpoints where `dir` is a run's;
// oldest first.
std::vector<std::string> checkpoints_in(const std::string& dir,
                                        const Files& files);

// The files that manifest.json names. Throws IoError, or DataError naming the
// manifest and what is wrong in it.
std::vector<CheckpointFile> read_checkpoint_manifest(const std::string& dir,
                                                     const Files& files);

// Compares every file with the manifest: one line for each problem.
std::vector<std::string> verify_checkpoint(const std::string& dir,
                                           const Files& files);

// The header of a .safetensors file, in the file's order. Throws IoError, or
// DataError naming the file and both values.
std::vector<TensorHeader> read_tensor_headers(const std::string& path);

}  // namespace voxlift::launcher
