// One folder per class.

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/class_entries.h"
#include "dataio/source/source.h"

namespace voxlift::dataio {

void append_class(FolderWalk& walk, const std::string& below, int64_t label,
                  const std::string& dir_shown, Manifest& manifest) {
  const std::vector<FoundFile> pictures = walk.files(below);
  if (pictures.empty()) {
    throw DataError(str_cat(dir_shown, ": the class folder holds no picture"));
  }
  for (const FoundFile& picture : pictures) {
    manifest.entries.push_back({picture.path, picture.id, label});
  }
}

Manifest list_class_folders(const std::string& root) {
  FolderWalk walk(root);
  Manifest manifest;
  manifest.classes = walk.folders("");
  if (manifest.classes.empty()) {
    throw DataError(root + ": no class folder");
  }
  for (size_t i = 0; i < manifest.classes.size(); ++i) {
    const std::string& name = manifest.classes[i];
    append_class(walk, name, static_cast<int64_t>(i), join_path(root, name),
                 manifest);
  }
  manifest.ignored = walk.ignored();
  return manifest;
}

}  // namespace voxlift::dataio
