// ImageNet in its original tar files.

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/folder_walk.h"
#include "dataio/source/source.h"
#include "dataio/source/split.h"
#include "dataio/source/tar.h"
#include "dataio/source/val_list.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = 1 << 24;

class TarFile : public RandomAccess {
 public:
  explicit TarFile(const std::string& path)
      : file_(path, O_RDONLY), size_(RealFiles().size_bytes(path)) {}

  int64_t size_bytes() const override { return size_; }

  void read_at(std::span<std::byte> bytes, int64_t offset) const override {
    file_.read_at(bytes, offset);
  }

  const std::string& path() const { return file_.path(); }

 private:
  FileDescriptor file_;
  int64_t size_;
};

std::string train_path(const std::string& root) {
  return join_path(root, "ILSVRC2012_img_train.tar");
}

// The tar file of each class by its synset, sorted.
std::map<std::string, TarMember> class_members(
    const TarFile& file, std::vector<std::string>& ignored) {
  constexpr std::string_view kSuffix = ".tar";
  TarReader reader(file, 0, file.size_bytes(), file.path());
  std::map<std::string, TarMember> members;
  while (const auto member = reader.next()) {
    if (!member->name.ends_with(kSuffix)) {
      ignored.push_back(member->name + ": not the tar file of a class");
      continue;
    }
    const std::string synset =
        member->name.substr(0, member->name.size() - kSuffix.size());
    if (!members.emplace(synset, *member).second) {
      throw DataError(
          str_cat(file.path(), ": '", member->name, "' is in it twice"));
    }
  }
  return members;
}

// Appends the pictures of one class, sorted by id.
void append_members(const TarFile& file, const std::string& synset,
                    const TarMember& part, Manifest& manifest) {
  TarReader reader(file, part.offset, part.offset + part.size,
                   str_cat(file.path(), " (", part.name, ")"));
  const auto label = static_cast<int64_t>(manifest.classes.size()) - 1;
  std::map<std::string, TarMember> pictures;
  while (const auto member = reader.next()) {
    const std::string id = str_cat("train/", synset, "/", member->name);
    if (!has_picture_extension(id)) {
      manifest.ignored.push_back(id + ": not named like a picture");
    } else if (!pictures.emplace(id, *member).second) {
      throw DataError(str_cat(file.path(), " (", part.name, "): '",
                              member->name, "' is in it twice"));
    }
  }
  if (pictures.empty()) {
    throw DataError(
        str_cat(file.path(), " (", part.name, "): holds no picture"));
  }
  for (const auto& [id, member] : pictures) {
    manifest.entries.push_back(
        {file.path(), id, label, member.offset, member.size});
  }
}

void list_train(const std::string& root, Manifest& manifest) {
  const TarFile file(train_path(root));
  for (const auto& [synset, part] : class_members(file, manifest.ignored)) {
    manifest.classes.push_back(synset);
    append_members(file, synset, part, manifest);
  }
}

void read_synsets(const std::string& path, Manifest& manifest) {
  const auto bytes = RealFiles().read(path, kMaxListBytes);
  for (const std::string& line : str_split(as_text(bytes), '\n')) {
    const std::string name = str_trim(line);
    if (name.empty()) {
      continue;
    }
    if (!manifest.classes.empty() && name <= manifest.classes.back()) {
      throw DataError(str_cat(path, ": '", name, "' follows '",
                              manifest.classes.back(),
                              "', want sorted names, each once"));
    }
    manifest.classes.push_back(name);
  }
}

void list_classes(const std::string& root, Manifest& manifest) {
  const std::string synsets = join_path(root, "meta/synsets.txt");
  if (RealFiles().exists(synsets)) {
    read_synsets(synsets, manifest);
    return;
  }
  const TarFile file(train_path(root));
  std::vector<std::string> ignored;  // Not of this split.
  for (const auto& [synset, part] : class_members(file, ignored)) {
    manifest.classes.push_back(synset);
  }
}

std::map<std::string, TarMember> val_members(const TarFile& file) {
  TarReader reader(file, 0, file.size_bytes(), file.path());
  std::map<std::string, TarMember> members;
  while (const auto member = reader.next()) {
    if (!members.emplace(member->name, *member).second) {
      throw DataError(
          str_cat(file.path(), ": '", member->name, "' is in it twice"));
    }
  }
  return members;
}

void list_val(const std::string& root, Manifest& manifest) {
  list_classes(root, manifest);
  const ValList list(join_path(root, "meta/val.txt"), manifest.classes.size());
  const TarFile file(join_path(root, "ILSVRC2012_img_val.tar"));
  auto members = val_members(file);
  for (const ValLine& line : list.lines()) {
    const auto found = members.find(line.file);
    if (found == members.end()) {
      list.fail(line.number, str_cat("no '", line.file, "' in ", file.path()));
    }
    manifest.entries.push_back({file.path(), join_path("val", line.file),
                                line.label, found->second.offset,
                                found->second.size});
    members.erase(found);
  }
  for (const auto& [name, member] : members) {
    manifest.ignored.push_back(str_cat("val/", name, ": not in meta/val.txt"));
  }
}

}  // namespace

Manifest list_imagenet_tar(const std::string& root, const std::string& split) {
  check_split(split, {"train", "val"});
  Manifest manifest;
  if (split == "train") {
    list_train(root, manifest);
  } else {
    list_val(root, manifest);
  }
  if (manifest.entries.empty()) {
    throw DataError(str_cat(root, ": the ", split, " split has no picture"));
  }
  return manifest;
}

}  // namespace voxlift::dataio
