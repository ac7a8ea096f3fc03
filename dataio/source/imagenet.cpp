// The ImageNet layout.

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/class_entries.h"
#include "dataio/source/source.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = int64_t{1} << 30;

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

// Reads lines "file label" one by one.
class ValList {
 public:
  ValList(const std::string& root, Manifest& manifest)
      : root_(root),
        path_(join_path(root, "meta/val.txt")),
        manifest_(manifest) {}

  void read() {
    const std::vector<std::byte> bytes = files_.read(path_, kMaxListBytes);
    for (const std::string& line : str_split(as_text(bytes), '\n')) {
      ++line_number_;
      const std::string trimmed = str_trim(line);
      if (!trimmed.empty()) {
        append(trimmed);
      }
    }
  }

 private:
  void append(const std::string& line) {
    const size_t blank = line.find_last_of(" \t");
    if (blank == std::string::npos) {
      fail(str_cat("'", line, "', want 'file label'"));
    }
    const std::string file = str_trim(line.substr(0, blank));
    const std::string id = join_path("val", file);
    const std::string path = join_path(root_, id);
    const int64_t label = parse_label(line.substr(blank + 1));
    const auto [before, is_new] = line_of_.emplace(file, line_number_);
    if (!is_new) {
      fail(str_cat("'", file, "' is already in line ", before->second));
    }
    if (!files_.exists(path)) {
      fail(str_cat("no file ", path));
    }
    manifest_.entries.push_back({path, id, label});
  }

  int64_t parse_label(const std::string& text) const {
    const std::optional<int64_t> label = parse_int(text);
    const auto num_classes = static_cast<int64_t>(manifest_.classes.size());
    if (!label || *label < 0 || *label >= num_classes) {
      fail(str_cat("label '", text, "', want 0 to ", num_classes - 1));
    }
    return *label;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(str_cat(path_, ":", line_number_, ": ", what));
  }

  const std::string& root_;
  const std::string path_;
  Manifest& manifest_;
  RealFiles files_;
  int64_t line_number_ = 0;
  std::unordered_map<std::string, int64_t> line_of_;
};

void list_val(const std::string& root, FolderWalk& walk, Manifest& manifest) {
  if (RealFiles().exists(join_path(root, "meta/val.txt"))) {
    ValList(root, manifest).read();
  } else {
    list_split_folders(root, "val", walk, manifest);
  }
}

}  // namespace

Manifest list_imagenet(const std::string& root, const std::string& split) {
  if (split != "train" && split != "val") {
    throw ConfigError(
        str_cat("split '", split, "', want 'train' or 'val'; nearest: ",
                nearest_word(split, std::vector<std::string>{"train", "val"})));
  }
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
