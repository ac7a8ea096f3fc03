#pragma once
// Finds the pictures or scans below a folder.

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace voxlift::dataio {

// Whether it ends in .jpg, .jpeg, .jpe or .png, in any case.
bool has_picture_extension(const std::string& name);

struct FoundFile {
  std::string path;
  std::string id;  // Path below the root given to FolderWalk.
};

// Walks folders below one root, each folder once however often links lead to
// it. One thread.
class FolderWalk {
 public:
  enum class For { kPictures, kScans };

  explicit FolderWalk(std::string root, For what = For::kPictures);

  // Names of the folders directly below root/`below`, sorted bytewise; other
  // entries are noted in ignored(). Throws IoError if it is no folder.
  std::vector<std::string> folders(const std::string& below);

  // All pictures or scans below root/`below`, sorted by id. Of scans, a folder
  // below it that directly holds .dcm or .png files is one. Throws IoError.
  std::vector<FoundFile> files(const std::string& below);

  // What was left out, "id: reason", in the order it was met.
  const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  void collect(const std::string& below, std::vector<FoundFile>& found);
  void collect_names(const std::string& below,
                     const std::vector<std::string>& names,
                     std::vector<FoundFile>& found);
  void visit(const std::string& id, std::vector<FoundFile>& found);
  bool is_first_visit(const std::string& path);
  void ignore(const std::string& id, const std::string& reason);

  std::string root_;
  For what_;
  std::set<std::pair<uint64_t, uint64_t>> visited_;  // Device and inode.
  std::vector<std::string> ignored_;
};

}  // namespace voxlift::dataio
