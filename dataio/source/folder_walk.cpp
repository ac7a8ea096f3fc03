#include "dataio/source/folder_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/scan_files.h"

namespace voxlift::dataio {

namespace {

constexpr const char* kVisited = "a link to a folder that was walked already";

std::string below_join(const std::string& below, const std::string& name) {
  return below.empty() ? name : join_path(below, name);
}

bool holds_slices(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const auto& name) {
    const std::string lower = to_lower(name);
    return lower.ends_with(".dcm") || lower.ends_with(".png");
  });
}

enum class Kind { kFolder, kFile, kOther, kBroken };

Kind kind_of(const std::string& path) {
  struct stat status {};

  if (stat(path.c_str(), &status) != 0) {
    return Kind::kBroken;
  }
  return S_ISDIR(status.st_mode)   ? Kind::kFolder
         : S_ISREG(status.st_mode) ? Kind::kFile
                                   : Kind::kOther;
}

}  // namespace

bool has_picture_extension(const std::string& name) {
  static constexpr std::array<std::string_view, 4> kExtensions = {
      ".jpg", ".jpeg", ".jpe", ".png"};
  const std::string lower = to_lower(name);
  return std::any_of(
      kExtensions.begin(), kExtensions.end(),
      [&](std::string_view extension) { return lower.ends_with(extension); });
}

FolderWalk::FolderWalk(std::string root, For what)
    : root_(std::move(root)), what_(what) {}

std::vector<std::string> FolderWalk::folders(const std::string& below) {
  const std::string dir = join_path(root_, below);
  is_first_visit(dir);  // A link back to it is not walked.
  std::vector<std::string> names;
  for (const std::string& name : RealFiles().list_dir(dir)) {
    const std::string id = below_join(below, name);
    if (name.starts_with('.')) {
      ignore(id, "hidden");
    } else if (kind_of(join_path(root_, id)) != Kind::kFolder) {
      ignore(id, "not a class folder");
    } else {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<FoundFile> FolderWalk::files(const std::string& below) {
  std::vector<FoundFile> found;
  const std::string dir = join_path(root_, below);
  if (is_first_visit(dir)) {
    collect_names(below, RealFiles().list_dir(dir), found);
  } else {
    ignore(below, kVisited);
  }
  std::sort(found.begin(), found.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.id < b.id; });
  return found;
}

void FolderWalk::collect(const std::string& below,
                         std::vector<FoundFile>& found) {
  const std::string dir = join_path(root_, below);
  if (!is_first_visit(dir)) {
    ignore(below, kVisited);
    return;
  }
  const std::vector<std::string> names = RealFiles().list_dir(dir);
  if (what_ == For::kScans && holds_slices(names)) {
    found.push_back({dir, below});
  } else {
    collect_names(below, names, found);
  }
}

void FolderWalk::collect_names(const std::string& below,
                               const std::vector<std::string>& names,
                               std::vector<FoundFile>& found) {
  for (const std::string& name : names) {
    if (name.starts_with('.')) {
      ignore(below_join(below, name), "hidden");
    } else {
      visit(below_join(below, name), found);
    }
  }
}

void FolderWalk::visit(const std::string& id, std::vector<FoundFile>& found) {
  const std::string path = join_path(root_, id);
  switch (kind_of(path)) {
    case Kind::kFolder:
      collect(id, found);
      return;
    case Kind::kOther:
      ignore(id, "neither file nor folder");
      return;
    case Kind::kBroken:
      ignore(id, "a link that leads nowhere");
      return;
    case Kind::kFile:
      break;
  }
  const bool for_pictures = what_ == For::kPictures;
  if (for_pictures ? has_picture_extension(id) : has_scan_extension(id)) {
    found.push_back({path, id});
  } else {
    ignore(id,
           for_pictures ? "not named like a picture" : "not named like a scan");
  }
}

bool FolderWalk::is_first_visit(const std::string& path) {
  struct stat status {};

  if (stat(path.c_str(), &status) != 0) {
    throw_io_error("stat", path, errno);
  }
  return visited_.insert({status.st_dev, status.st_ino}).second;
}

void FolderWalk::ignore(const std::string& id, const std::string& reason) {
  ignored_.push_back(str_cat(id, ": ", reason));
}

}  // namespace voxlift::dataio
