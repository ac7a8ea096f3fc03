#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/npy.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

constexpr size_t kMaxAxes = 32;

// Reads the dict literal from left to right.
class DictParser {
 public:
  DictParser(std::string_view text, const std::string& origin)
      : text_(text), origin_(origin) {}

  // Whether the next token is `c`; passes it if so.
  bool accept(char c) {
    pass_blanks();
    const bool found = at_ < text_.size() && text_[at_] == c;
    at_ += found ? 1 : 0;
    return found;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail(std::string("'") + c + "'");
    }
  }

  std::string quoted(const char* what) {
    pass_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const size_t end = text_.find(quote, at_ + 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) {
      fail(std::string("a quoted ") + what);
    }
    const std::string_view word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return std::string(word);
  }

  bool boolean() {
    pass_blanks();
    for (const auto& [word, value] :
         {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False");
  }

  // "(31, 50, 36)", "(31,)", "()".
  std::vector<int64_t> tuple() {
    std::vector<int64_t> numbers;
    expect('(');
    while (!accept(')')) {
      if (numbers.size() == kMaxAxes) {
        fail("at most 32 axes");
      }
      numbers.push_back(whole_number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return numbers;
  }

  void expect_end() {
    pass_blanks();
    if (at_ != text_.size()) {
      fail("the end of the header");
    }
  }

  [[noreturn]] void fail(const std::string& wanted) const {
    throw DataError(str_cat(origin_, ": npy header: want ", wanted,
                            " at character ", at_, " of ", text_.size()));
  }

 private:
  void pass_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  int64_t whole_number() {
    pass_blanks();
    size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') {
      ++end;
    }
    const auto number = parse_int(text_.substr(at_, end - at_));
    if (!number.has_value()) {
      fail("a whole number of 64 bits, 0 or more");
    }
    at_ = end;
    return *number;
  }

  std::string_view text_;
  const std::string& origin_;
  size_t at_ = 0;
};

// Why a type is not read, for those that have a name.
std::string foreign_type(std::string_view kind) {
  switch (kind.empty() ? '\0' : kind[0]) {
    case 'O':
      return "Python objects, which are pickled: never read";
    case 'c':
      return "complex numbers";
    case 'U':
    case 'S':
    case 'a':
      return "text";
    case 'V':
      return "raw records";
    case 'M':
    case 'm':
      return "dates";
    default:
      return "no known type";
  }
}

ScalarCode parse_descr(const std::string& descr, const std::string& origin) {
  static constexpr std::pair<std::string_view, ScalarType> kTypes[] = {
      {"b1", ScalarType::kUint8},   {"i1", ScalarType::kInt8},
      {"u1", ScalarType::kUint8},   {"i2", ScalarType::kInt16},
      {"u2", ScalarType::kUint16},  {"i4", ScalarType::kInt32},
      {"u4", ScalarType::kUint32},  {"i8", ScalarType::kInt64},
      {"u8", ScalarType::kUint64},  {"f2", ScalarType::kFloat16},
      {"f4", ScalarType::kFloat32}, {"f8", ScalarType::kFloat64}};
  const char order = descr.empty() ? '\0' : descr[0];
  const std::string_view kind =
      std::string_view(descr).substr(descr.empty() ? 0 : 1);
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes),
                   [&](const auto& t) { return t.first == kind; });
  const bool known =
      type != std::end(kTypes) &&
      std::string_view("<>=|").find(order) != std::string_view::npos &&
      (order != '|' || scalar_bytes(type->second) == 1);
  if (!known) {
    throw DataError(str_cat(origin, ": npy type '", printable(descr), "' (",
                            foreign_type(kind),
                            "), want bool, integers or f2, f4, f8"));
  }
  const bool big = std::endian::native == std::endian::big;
  return {type->second, order == (big ? '<' : '>'), 1.0, 0.0};
}

struct Dict {
  std::optional<ScalarCode> code;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

void parse_entry(DictParser& parser, Dict& dict, const std::string& origin) {
  const std::string key = parser.quoted("key");
  parser.expect(':');
  if (key == "descr" && !dict.code) {
    if (parser.accept('[')) {
      throw DataError(origin +
                      ": npy of records (a structured type), want one "
                      "number a voxel");
    }
    dict.code = parse_descr(parser.quoted("type"), origin);
  } else if (key == "fortran_order" && !dict.fortran_order) {
    dict.fortran_order = parser.boolean();
  } else if (key == "shape" && !dict.shape) {
    dict.shape = parser.tuple();
  } else {
    throw DataError(str_cat(origin, ": npy header: key '", printable(key),
                            "' is unknown or stands twice"));
  }
}

Dict parse_dict(std::string_view text, const std::string& origin) {
  DictParser parser(text, origin);
  Dict dict;
  parser.expect('{');
  while (!parser.accept('}')) {
    parse_entry(parser, dict, origin);
    if (!parser.accept(',')) {
      parser.expect('}');
      break;
    }
  }
  parser.expect_end();
  if (!dict.code || !dict.fortran_order || !dict.shape) {
    throw DataError(origin +
                    ": npy header: want the keys descr, "
                    "fortran_order and shape");
  }
  return dict;
}

// Bytes of the text, and where it starts.
std::pair<size_t, size_t> text_extent(std::string_view head,
                                      const std::string& origin) {
  if (head.substr(0, 6) != "\x93NUMPY" || head.size() < 12) {
    throw DataError(str_cat(origin, ": ", head.size(),
                            " bytes, want the magic and length of an npy "
                            "header"));
  }
  const int version = head[6];
  if (version < 1 || version > 3) {
    throw DataError(
        str_cat(origin, ": npy version ", version, ", want 1 to 3"));
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= size_t{static_cast<unsigned char>(head[8 + i])} << (8 * i);
  }
  return {8 + length_bytes, length};
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> bytes,
                           const std::string& origin) {
  const std::string_view head = as_text(bytes);
  const auto [start, length] = text_extent(head, origin);
  if (length > std::min(head.size(), kMaxNpyHeaderBytes) - start) {
    throw DataError(str_cat(origin, ": npy header claims ", length,
                            " bytes, there are ", head.size() - start,
                            " (at most ", kMaxNpyHeaderBytes, ")"));
  }
  const Dict dict = parse_dict(head.substr(start, length), origin);
  return {*dict.code, *dict.fortran_order, *dict.shape,
          static_cast<int64_t>(start + length)};
}

}  // namespace voxlift::dataio
