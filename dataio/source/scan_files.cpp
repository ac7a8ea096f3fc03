#include "dataio/source/scan_files.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

// Longer ones first: ".nii.gz" must not be taken for ".gz".
constexpr std::array<std::string_view, 10> kExtensions = {
    ".nii.gz", ".nii",  ".hdr", ".mha", ".mhd",
    ".nrrd",   ".nhdr", ".npy", ".npz", ".dcm"};

std::string_view scan_extension(const std::string& name) {
  const std::string lower = to_lower(name);
  for (const std::string_view extension : kExtensions) {
    if (lower.ends_with(extension)) {
      return extension;
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> path_below(const std::string& path) {
  if (path.starts_with('/') || path.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  std::vector<std::string> parts;
  for (const std::string& part : str_split(path, '/')) {
    if (part == "..") {
      return std::nullopt;
    }
    if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  return parts.empty() ? std::nullopt : std::optional(str_join(parts, "/"));
}

bool has_scan_extension(const std::string& name) {
  return !scan_extension(name).empty();
}

std::string without_scan_extension(const std::string& name) {
  return name.substr(0, name.size() - scan_extension(name).size());
}

SourceEntry make_scan_entry(VolumeEntry volume, const std::string& id,
                            int64_t label, const std::string& subject) {
  SourceEntry entry;
  entry.path = volume.image.path;
  entry.id = id;
  entry.label = label;
  entry.subject = subject;
  entry.volume = std::make_shared<const VolumeEntry>(std::move(volume));
  return entry;
}

std::map<int64_t, std::string> numbered_scans(const std::string& dir,
                                              const std::string& prefix) {
  std::map<int64_t, std::string> found;
  for (const std::string& name : RealFiles().list_dir(dir)) {
    const std::string_view extension = scan_extension(name);
    if (!name.starts_with(prefix) || !extension.starts_with(".nii")) {
      continue;
    }
    const std::string stem = without_scan_extension(name);
    const auto number = parse_int(std::string_view(stem).substr(prefix.size()));
    if (!number || *number < 0) {
      continue;
    }
    const auto [before, is_new] = found.emplace(*number, join_path(dir, name));
    if (!is_new) {
      throw DataError(str_cat(dir, ": both '", base_name(before->second),
                              "' and '", name, "' have the number ", *number));
    }
  }
  return found;
}

}  // namespace voxlift::dataio
