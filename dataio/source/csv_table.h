#pragma once
// A CSV file with a header line, read by the names of its columns.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataio/source/csv.h"

namespace voxlift::dataio {

// Fields come without the blanks around them. Rows are counted from 0, without
// the header.
class CsvTable {
 public:
  // Throws IoError, or DataError naming file and line if there is no row below
  // the header, one of `required` is missing, a column is named twice, or a
  // row has fewer fields than the header.
  CsvTable(const std::string& path, const std::vector<std::string>& required);

  size_t num_rows() const { return rows_.size(); }

  bool has(const std::string& column) const;

  // Empty where there is no such column.
  std::string field(size_t row, const std::string& column) const;

  // Throws DataError naming the line unless it is a whole number.
  int64_t whole_number(size_t row, const std::string& column) const;

  // "1, 2.5, 3": exactly `count` finite numbers. Throws likewise.
  std::vector<double> numbers(size_t row, const std::string& column,
                              size_t count) const;

  // From 1, the header counted.
  int64_t line(size_t row) const { return rows_[row].line; }

  const std::vector<std::string>& columns() const { return columns_; }

  // Throws DataError "path:line: what".
  [[noreturn]] void fail(size_t row, const std::string& what) const;

 private:
  [[noreturn]] void fail_line(int64_t line, const std::string& what) const;
  void read_header(const CsvRow& header);

  std::string path_;
  std::vector<std::string> columns_;
  std::unordered_map<std::string, size_t> position_;
  std::vector<CsvRow> rows_;
};

}  // namespace voxlift::dataio
