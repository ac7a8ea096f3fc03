// Scans in one folder per class.

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/folder_walk.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/scan_list.h"

namespace voxlift::dataio {

Manifest list_scan_folders(const std::string& root) {
  FolderWalk walk(root, FolderWalk::For::kScans);
  Manifest manifest;
  manifest.modality = Modality::kVolume;
  manifest.classes = walk.folders("");
  if (manifest.classes.empty()) {
    throw DataError(root + ": no class folder");
  }
  for (size_t i = 0; i < manifest.classes.size(); ++i) {
    const std::string& name = manifest.classes[i];
    const auto found = walk.files(name);
    if (found.empty()) {
      throw DataError(join_path(root, name) +
                      ": the class folder holds no scan");
    }
    for (const auto& [path, id] : found) {
      VolumeEntry volume;
      volume.image.path = path;
      manifest.entries.push_back(
          make_scan_entry(std::move(volume), id, static_cast<int64_t>(i), ""));
    }
  }
  manifest.ignored = walk.ignored();
  return manifest;
}

}  // namespace voxlift::dataio
