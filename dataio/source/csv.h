#pragma once
// Comma-separated values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace voxlift::dataio {

struct CsvRow {
  int64_t line = 0;  // Where the row starts, from 1.
  std::vector<std::string> fields;
};

// Splits text as RFC 4180 says: fields in double quotes may hold commas, line
// ends and doubled quotes. Line ends are LF or CRLF; blank lines and a byte
// order mark are skipped. Throws DataError naming `origin` and the line if a
// quote is not closed or is followed by other text.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& origin);

}  // namespace voxlift::dataio
