// The ImageNet layout.

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/class_entries.h"
#include "dataio/source/source.h"
#include "dataio/source/split.h"
#include "dataio/source/val_list.h"

namespace voxlift::dataio {

namespace {

void list_split_folders(const std::string& root, const std::string& split,
                        FolderWalk& walk, Manifest& manifest) {
  const std::vector<std::string>& classes = manifest.classes;
  for (const std::string& name : walk.folders(split)) {
    const std::string dir = join_path(join_path(root, split), name);
    const auto found = std::lower_bound(classes.begin(), classes.end(), name);
    if (found == classes.end() || *found != name) {
      throw DataError(str_cat(dir, ": class '", name, "' is not among the ",
                              classes.size(), " of ",
                              join_path(root, "train")));
    }
    append_class(walk, join_path(split, name), found - classes.begin(), dir,
                 manifest);
  }
}

void list_val_pictures(const std::string& root, Manifest& manifest) {
  const RealFiles files;
  const ValList list(join_path(root, "meta/val.txt"), manifest.classes.size());
  for (const ValLine& line : list.lines()) {
    const std::string id = join_path("val", line.file);
    const std::string path = join_path(root, id);
    if (!files.exists(path)) {
      list.fail(line.number, str_cat("no file ", path));
    }
    manifest.entries.push_back({path, id, line.label});
  }
}

void list_val(const std::string& root, FolderWalk& walk, Manifest& manifest) {
  if (RealFiles().exists(join_path(root, "meta/val.txt"))) {
    list_val_pictures(root, manifest);
  } else {
    list_split_folders(root, "val", walk, manifest);
  }
}

}  // namespace

Manifest list_imagenet(const std::string& root, const std::string& split) {
  check_split(split, {"train", "val"});
  FolderWalk walk(root);
  Manifest manifest;
  manifest.classes = walk.folders("train");
  if (split == "train") {
    list_split_folders(root, "train", walk, manifest);
  } else {
    list_val(root, walk, manifest);
  }
  if (manifest.entries.empty()) {
    throw DataError(str_cat(root, ": the ", split, " split has no picture"));
  }
  manifest.ignored = walk.ignored();
  return manifest;
}

}  // namespace voxlift::dataio
