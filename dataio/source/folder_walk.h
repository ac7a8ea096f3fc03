#pragma once
// Finds the pictures below a folder.

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace voxlift::dataio {

struct PictureFile {
  std::string path;
  std::string id;  // Path below the root given to FolderWalk.
};

// Walks folders below one root, each folder once however often links lead to
// it. One thread.
class FolderWalk {
 public:
  explicit FolderWalk(std::string root);

  // Names of the folders directly below root/`below`, sorted bytewise; other
  // entries are noted in ignored(). Throws IoError if it is no folder.
  std::vector<std::string> folders(const std::string& below);

  // All pictures below root/`below`, sorted by id. Throws IoError.
  std::vector<PictureFile> pictures(const std::string& below);

  // What was left out, "id: reason", in the order it was met.
  const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  void collect(const std::string& below, std::vector<PictureFile>& found);
  void visit(const std::string& id, std::vector<PictureFile>& found);
  bool is_first_visit(const std::string& path);
  void ignore(const std::string& id, const std::string& reason);

  std::string root_;
  std::set<std::pair<uint64_t, uint64_t>> visited_;  // Device and inode.
  std::vector<std::string> ignored_;
};

}  // namespace voxlift::dataio
