#include "dataio/decode/text_header.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

constexpr size_t kMaxNumbers = 16;

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

[[noreturn]] void throw_numbers(std::string_view text, size_t count,
                                const char* kind, const std::string& what,
                                const std::string& origin) {
  const std::string wanted = count == 0 ? "1 to 16" : std::to_string(count);
  throw DataError(str_cat(origin, ": ", what, " is '", printable(text),
                          "', want ", wanted, " ", kind));
}

}  // namespace

std::optional<std::string_view> TextLines::next() {
  if (at_ >= text_.size()) {
    return std::nullopt;
  }
  const size_t end = std::min(text_.find('\n', at_), text_.size());
  std::string_view line = text_.substr(at_, end - at_);
  at_ = std::min(end + 1, text_.size());
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

std::string read_text_head(const std::string& path) {
  const auto source = make_file_source(path);
  std::string head(kMaxTextHeaderBytes, '\0');
  head.resize(source->read(std::as_writable_bytes(std::span(head))));
  return head;
}

std::string printable(std::string_view text) {
  std::string shown = str_trim(text.substr(0, 80));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; },
      '?');
  return shown;
}

std::vector<double> parse_numbers(std::string_view text, size_t count,
                                  const std::string& what,
                                  const std::string& origin) {
  std::vector<double> numbers;
  for (const std::string& word : split_blanks(text)) {
    const auto number = parse_double(word);
    if (!number.has_value() || !std::isfinite(*number)) {
      throw_numbers(text, count, "finite numbers", what, origin);
    }
    numbers.push_back(*number);
  }
  const size_t most = count == 0 ? kMaxNumbers : count;
  if (numbers.empty() || numbers.size() > most || numbers.size() < count) {
    throw_numbers(text, count, "finite numbers", what, origin);
  }
  return numbers;
}

std::vector<int64_t> parse_whole_numbers(std::string_view text, size_t count,
                                         const std::string& what,
                                         const std::string& origin) {
  std::vector<int64_t> numbers;
  for (const std::string& word : split_blanks(text)) {
    const auto number = parse_int(word);
    if (!number.has_value()) {
      throw_numbers(text, count, "whole numbers", what, origin);
    }
    numbers.push_back(*number);
  }
  const size_t most = count == 0 ? kMaxNumbers : count;
  if (numbers.empty() || numbers.size() > most || numbers.size() < count) {
    throw_numbers(text, count, "whole numbers", what, origin);
  }
  return numbers;
}

}  // namespace voxlift::dataio
