// Scans listed in a CSV file.

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/csv.h"
#include "dataio/source/source.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxCsvBytes = int64_t{1} << 30;
// Far above any real number of classes; keeps a wild label from making names.
constexpr int64_t kMaxLabel = 1'000'000;

class VolumesCsv {
 public:
  VolumesCsv(const std::string& csv_path, const std::string& root,
             const std::vector<std::string>& classes)
      : csv_path_(csv_path), root_(root.empty() ? parent_dir(csv_path) : root) {
    manifest_.modality = Modality::kVolume;
    manifest_.classes = classes;
    rows_ = parse_csv(as_text(files_.read(csv_path, kMaxCsvBytes)), csv_path);
  }

  Manifest read() {
    if (rows_.size() < 2) {
      throw DataError(csv_path_ + ": no row below the header");
    }
    path_column_ = column("path");
    label_column_ = column("label");
    rows_.erase(rows_.begin());
    check_rows();
    if (manifest_.classes.empty()) {
      collect_classes();
    }
    for (const CsvRow& row : rows_) {
      append(row);
    }
    return std::move(manifest_);
  }

 private:
  size_t column(const std::string& name) const {
    const std::vector<std::string>& header = rows_[0].fields;
    const auto found = std::find_if(
        header.begin(), header.end(),
        [&](const auto& field) { return str_trim(field) == name; });
    if (found == header.end()) {
      fail(rows_[0], str_cat("no column '", name, "' in the header '",
                             str_join(header, ","), "'"));
    }
    return static_cast<size_t>(found - header.begin());
  }

  void check_rows() const {
    const size_t num_wanted = std::max(path_column_, label_column_) + 1;
    for (const CsvRow& row : rows_) {
      if (row.fields.size() < num_wanted) {
        fail(row,
             str_cat(row.fields.size(), " fields, want at least ", num_wanted));
      }
    }
  }

  std::string label_of(const CsvRow& row) const {
    return str_trim(row.fields[label_column_]);
  }

  // Names of the classes, from the labels of all rows: numbers if the first is
  // one.
  void collect_classes() {
    if (parse_int(label_of(rows_[0]))) {
      collect_numbers();
      return;
    }
    std::set<std::string> names;
    for (const CsvRow& row : rows_) {
      if (label_of(row).empty() || parse_int(label_of(row))) {
        fail(row,
             str_cat("label '", label_of(row), "', want a class name like '",
                     label_of(rows_[0]), "' in line ", rows_[0].line));
      }
      names.insert(label_of(row));
    }
    manifest_.classes.assign(names.begin(), names.end());
  }

  void collect_numbers() {
    int64_t max_label = 0;
    for (const CsvRow& row : rows_) {
      const std::optional<int64_t> label = parse_int(label_of(row));
      if (!label || *label < 0 || *label > kMaxLabel) {
        fail(row, str_cat("label '", label_of(row),
                          "', want a whole number from 0 to ", kMaxLabel));
      }
      max_label = std::max(max_label, *label);
    }
    for (int64_t i = 0; i <= max_label; ++i) {
      manifest_.classes.push_back(str_cat(i));
    }
  }

  // A member of the classes, or a position in them.
  int64_t resolve(const CsvRow& row) const {
    const std::vector<std::string>& classes = manifest_.classes;
    const auto num_classes = static_cast<int64_t>(classes.size());
    const std::string text = label_of(row);
    const auto found = std::find(classes.begin(), classes.end(), text);
    if (found != classes.end()) {
      return found - classes.begin();
    }
    const std::optional<int64_t> label = parse_int(text);
    if (!label || *label < 0 || *label >= num_classes) {
      fail(row,
           str_cat("label '", text, "', want 0 to ", num_classes - 1,
                   " or a class name; nearest: ", nearest_word(text, classes)));
    }
    return *label;
  }

  void append(const CsvRow& row) {
    const std::string& id = row.fields[path_column_];
    const std::string path = id.starts_with('/') ? id : join_path(root_, id);
    if (id.empty() || !files_.exists(path) || files_.is_dir(path)) {
      fail(row, str_cat("no file '", path, "'"));
    }
    const auto [before, is_new] = line_of_.emplace(id, row.line);
    if (!is_new) {
      fail(row, str_cat("'", id, "' is already in line ", before->second));
    }
    SourceEntry entry = {path, id, resolve(row)};
    VolumeEntry scan;
    scan.image.path = path;
    entry.volume = std::make_shared<const VolumeEntry>(std::move(scan));
    manifest_.entries.push_back(std::move(entry));
  }

  [[noreturn]] void fail(const CsvRow& row, const std::string& what) const {
    throw DataError(str_cat(csv_path_, ":", row.line, ": ", what));
  }

  const std::string& csv_path_;
  const std::string root_;
  RealFiles files_;
  Manifest manifest_;
  std::vector<CsvRow> rows_;
  size_t path_column_ = 0;
  size_t label_column_ = 0;
  std::unordered_map<std::string, int64_t> line_of_;
};

}  // namespace

Manifest list_volumes_csv(const std::string& csv_path, const std::string& root,
                          const std::vector<std::string>& classes) {
  return VolumesCsv(csv_path, root, classes).read();
}

}  // namespace voxlift::dataio
