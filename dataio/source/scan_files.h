#pragma once
// What the sources of scans share: names, paths and entries.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// A path from a list, made plain: "./a//b" -> "a/b". Nothing if it is empty,
// absolute, holds a NUL or leaves its folder by "..".
std::optional<std::string> path_below(const std::string& path);

// Whether a file of this name is read as a scan: .nii, .nii.gz, .hdr, .mha,
// .mhd, .nrrd, .nhdr, .npy, .npz or .dcm, in any case. Not .img and .raw, which
// belong to a header.
bool has_scan_extension(const std::string& name);

// "x.npz" and "x.nii.gz" -> "x": without the extensions above.
std::string without_scan_extension(const std::string& name);

// `volume` must have its image.
SourceEntry make_scan_entry(VolumeEntry volume, const std::string& id,
                            int64_t label, const std::string& subject);

// The one class of a data set whose scans have no label of their own.
inline constexpr const char* kNoClass = "scan";

// Files named `prefix`NUMBER with .nii or .nii.gz directly in `dir`, by their
// numbers. Throws DataError if two have one number, IoError.
std::map<int64_t, std::string> numbered_scans(const std::string& dir,
                                              const std::string& prefix);

}  // namespace voxlift::dataio
