#pragma once
// ImageNet's list of validation pictures, meta/val.txt.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace voxlift::dataio {

struct ValLine {
  std::string file;
  int64_t label = 0;
  int64_t number = 0;  // Of the line, from 1.
};

// Lines "file label"; blank ones are passed over. Throws IoError, or DataError
// naming the line for another form, a label that is no class, or a file that
// was listed before.
class ValList {
 public:
  ValList(const std::string& path, size_t num_classes);

  const std::vector<ValLine>& lines() const { return lines_; }

  // Throws DataError "path:line: what".
  [[noreturn]] void fail(int64_t line_number, const std::string& what) const;

 private:
  void append(const std::string& line, int64_t number);

  std::string path_;
  int64_t num_classes_;
  std::vector<ValLine> lines_;
  std::unordered_map<std::string, int64_t> number_of_;
};

}  // namespace voxlift::dataio
