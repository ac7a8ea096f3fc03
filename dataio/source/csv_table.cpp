#include "dataio/source/csv_table.h"

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxCsvBytes = int64_t{1} << 30;

}  // namespace

CsvTable::CsvTable(const std::string& path,
                   const std::vector<std::string>& required)
    : path_(path) {
  rows_ = parse_csv(as_text(RealFiles().read(path, kMaxCsvBytes)), path);
  if (rows_.size() < 2) {
    throw DataError(path_ + ": no row below the header");
  }
  read_header(rows_[0]);
  for (const std::string& column : required) {
    if (!has(column)) {
      fail_line(rows_[0].line,
                str_cat("no column '", column, "' in the header '",
                        printable(str_join(columns_, ",")), "'"));
    }
  }
  rows_.erase(rows_.begin());
  for (const CsvRow& row : rows_) {
    if (row.fields.size() < columns_.size()) {
      fail_line(row.line, str_cat(row.fields.size(), " fields, want at least ",
                                  columns_.size()));
    }
  }
}

void CsvTable::read_header(const CsvRow& header) {
  for (const std::string& field : header.fields) {
    const std::string name = str_trim(field);
    // Columns without a name (of row numbers, say) are never asked for.
    if (!position_.emplace(name, columns_.size()).second && !name.empty()) {
      fail_line(header.line, str_cat("two columns '", name, "'"));
    }
    columns_.push_back(name);
  }
}

bool CsvTable::has(const std::string& column) const {
  return position_.contains(column);
}

std::string CsvTable::field(size_t row, const std::string& column) const {
  const auto found = position_.find(column);
  const std::vector<std::string>& fields = rows_[row].fields;
  return found == position_.end() ? "" : str_trim(fields[found->second]);
}

int64_t CsvTable::whole_number(size_t row, const std::string& column) const {
  const std::string text = field(row, column);
  const auto number = parse_int(text);
  if (!number) {
    fail(row, str_cat(column, " is '", text, "', want a whole number"));
  }
  return *number;
}

std::vector<double> CsvTable::numbers(size_t row, const std::string& column,
                                      size_t count) const {
  std::vector<double> result;
  const std::string text = field(row, column);
  for (const std::string& part : str_split(text, ',')) {
    const auto number = parse_double(str_trim(part));
    if (number && std::isfinite(*number)) {
      result.push_back(*number);
    }
  }
  if (result.size() != count || str_split(text, ',').size() != count) {
    fail(row, str_cat(column, " is '", text, "', want ", count, " numbers"));
  }
  return result;
}

void CsvTable::fail(size_t row, const std::string& what) const {
  fail_line(rows_[row].line, what);
}

void CsvTable::fail_line(int64_t line, const std::string& what) const {
  throw DataError(one_line(str_cat(path_, ":", line, ": ", what)));
}

}  // namespace voxlift::dataio
