#pragma once
// `voxlift inspect` of scans that are not packed.

#include <string>

#include "dataio/decode/volume_file.h"

namespace voxlift::launcher {

struct InspectScanOptions {
  dataio::VolumeFile file;
  std::string npy;      // File to write the voxels to; empty: none.
  std::string list;     // File with a path a line, instead of one scan.
  std::string npy_dir;  // With `list`: folder for the voxels, NNNNN.npy.
};

// Prints shape, spacing, affine, stored type and range of one scan.
// Throws DataError, IoError.
void inspect_scan(const InspectScanOptions& options);

// A JSON object a line for each path of the list, in its order: "path", "read",
// and what inspect_scan() prints, or "error". Errors of single files are data
// here, not thrown. Throws IoError if the list cannot be read.
void inspect_scan_list(const InspectScanOptions& options);

}  // namespace voxlift::launcher
