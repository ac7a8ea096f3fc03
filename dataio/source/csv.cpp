#include "dataio/source/csv.h"

#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& origin)
      : text_(text), origin_(origin) {
    if (text_.starts_with("\xef\xbb\xbf")) {
      text_.remove_prefix(3);
    }
  }

  std::vector<CsvRow> parse() {
    while (at_ < text_.size()) {
      parse_row();
    }
    return std::move(rows_);
  }

 private:
  void parse_row() {
    CsvRow row{line_, {}};
    do {
      row.fields.push_back(peek() == '"' ? quoted() : plain());
    } while (take(','));
    take('\r');
    if (at_ < text_.size() && !take('\n')) {
      fail("text after a closing quote");
    }
    ++line_;
    if (row.fields.size() > 1 || !row.fields[0].empty()) {
      rows_.push_back(std::move(row));
    }
  }

  std::string plain() {
    const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    if (field.ends_with('\r')) {
      field.pop_back();
    }
    return field;
  }

  std::string quoted() {
    std::string field;
    take('"');
    while (true) {
      if (at_ == text_.size()) {
        fail("a quote that is not closed");
      }
      const char c = text_[at_++];
      if (c == '"' && !take('"')) {
        return field;
      }
      line_ += c == '\n' ? 1 : 0;
      field += c;
    }
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    const bool is_there = at_ < text_.size() && text_[at_] == c;
    at_ += is_there ? 1 : 0;
    return is_there;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(str_cat(origin_, ":", line_, ": ", what));
  }

  std::string_view text_;
  const std::string& origin_;
  size_t at_ = 0;
  int64_t line_ = 1;
  std::vector<CsvRow> rows_;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text,
                              const std::string& origin) {
  return CsvParser(text, origin).parse();
}

}  // namespace voxlift::dataio
