#include "dataio/source/val_list.h"

#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = int64_t{1} << 30;

}  // namespace

ValList::ValList(const std::string& path, size_t num_classes)
    : path_(path), num_classes_(static_cast<int64_t>(num_classes)) {
  const std::vector<std::byte> bytes = RealFiles().read(path, kMaxListBytes);
  int64_t number = 0;
  for (const std::string& line : str_split(as_text(bytes), '\n')) {
    ++number;
    const std::string trimmed = str_trim(line);
    if (!trimmed.empty()) {
      append(trimmed, number);
    }
  }
}

void ValList::append(const std::string& line, int64_t number) {
  const size_t blank = line.find_last_of(" \t");
  if (blank == std::string::npos) {
    fail(number, str_cat("'", line, "', want 'file label'"));
  }
  const std::string file = str_trim(line.substr(0, blank));
  const std::string label_text = line.substr(blank + 1);
  const std::optional<int64_t> label = parse_int(label_text);
  if (!label || *label < 0 || *label >= num_classes_) {
    fail(number,
         str_cat("label '", label_text, "', want 0 to ", num_classes_ - 1));
  }
  const auto [before, is_new] = number_of_.emplace(file, number);
  if (!is_new) {
    fail(number, str_cat("'", file, "' is already in line ", before->second));
  }
  lines_.push_back({file, *label, number});
}

void ValList::fail(int64_t line_number, const std::string& what) const {
  throw DataError(str_cat(path_, ":", line_number, ": ", what));
}

}  // namespace voxlift::dataio
