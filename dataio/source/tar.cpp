#include "dataio/source/tar.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/scan_files.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kBlockBytes = 512;
constexpr int64_t kMaxTextBytes = 1 << 20;

// A field of a header block: where it starts and how long it is.
struct Field {
  size_t offset;
  size_t length;
};

constexpr Field kName = {0, 100};
constexpr Field kSize = {124, 12};
constexpr Field kChecksum = {148, 8};
constexpr Field kType = {156, 1};
constexpr Field kMagic = {257, 5};
constexpr Field kPrefix = {345, 155};

using Block = std::array<std::byte, kBlockBytes>;

std::string_view raw(const Block& block, Field field) {
  return as_text(block).substr(field.offset, field.length);
}

// Up to the first NUL.
std::string text(const Block& block, Field field) {
  const std::string_view all = raw(block, field);
  return std::string(all.substr(0, all.find('\0')));
}

std::optional<int64_t> parse_octal(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '7' || value > (INT64_MAX >> 3)) {
      return std::nullopt;
    }
    value = value * 8 + (c - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

// Octal digits ended by NULs or blanks, or GNU's big-endian binary form, which
// starts with 0x80.
std::optional<int64_t> number(const Block& block, Field field) {
  const std::string_view all = raw(block, field);
  if (all.front() != '\x80') {
    const size_t first = all.find_first_not_of(' ');
    const size_t last = all.find_last_not_of(std::string_view(" \0", 2));
    return last == std::string_view::npos || first > last
               ? std::nullopt
               : parse_octal(all.substr(first, last - first + 1));
  }
  int64_t value = 0;
  for (const char c : all.substr(1)) {
    if (value > (INT64_MAX >> 8)) {
      return std::nullopt;
    }
    value = value * 256 + static_cast<unsigned char>(c);
  }
  return value;
}

// Sum of all bytes, those of the checksum itself taken as blanks.
int64_t checksum(const Block& block) {
  int64_t sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const bool is_own =
        i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    sum += is_own ? ' ' : std::to_integer<int64_t>(block[i]);
  }
  return sum;
}

bool is_zero(const Block& block) {
  return std::all_of(block.begin(), block.end(),
                     [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

struct TarReader::Header {
  std::string name;
  char type = '0';
  int64_t size = 0;
};

TarReader::TarReader(const RandomAccess& file, int64_t begin, int64_t end,
                     std::string origin)
    : file_(file),
      at_(begin),
      end_(end),
      origin_(std::move(origin)),
      header_at_(begin) {
  VOXLIFT_CHECK(begin >= 0 && begin <= end && end <= file.size_bytes(),
                "a part outside of the tar file");
}

std::optional<TarMember> TarReader::next() {
  while (const auto header = read_header()) {
    switch (header->type) {
      case '0':
      case '\0':
      case '7':
        return member_of(*header);
      case 'L':
        long_name_ = read_text(*header);
        break;
      case 'x':
        read_pax(*header);
        break;
      case '5':  // A folder.
        long_name_.reset();
        long_size_.reset();
        [[fallthrough]];
      case 'g':  // Pax fields for all members: nothing that is needed here.
        skip(*header);
        break;
      default:
        fail(str_cat("'", header->name, "' is of type '",
                     std::string(1, header->type),
                     "', want a file or a folder"));
    }
  }
  return std::nullopt;
}

std::optional<TarReader::Header> TarReader::read_header() {
  header_at_ = at_;
  if (end_ - at_ < kBlockBytes) {
    fail("the archive ends without its block of zeros: it was cut");
  }
  Block block;
  file_.read_at(block, at_);
  if (is_zero(block)) {
    return std::nullopt;
  }
  const int64_t sum = checksum(block);
  if (number(block, kChecksum) != sum) {
    fail(str_cat("header checksum '", str_trim(text(block, kChecksum)),
                 "', the header's bytes give ", sum));
  }
  Header header{text(block, kName), raw(block, kType).front(), 0};
  if (raw(block, kMagic) == "ustar" && raw(block, kPrefix).front() != '\0' &&
      block[262] == std::byte{0}) {  // GNU uses these bytes otherwise.
    header.name = str_cat(text(block, kPrefix), "/", header.name);
  }
  const auto size = number(block, kSize);
  if (!size) {
    fail(str_cat("'", header.name, "': its size is no number"));
  }
  header.size = *size;
  at_ += kBlockBytes;
  return header;
}

// The header's content, which must be a small text.
std::string TarReader::read_text(const Header& header) {
  if (header.size > kMaxTextBytes || header.size > end_ - at_) {
    fail(str_cat("a name of ", header.size, " bytes, at most ",
                 std::min(kMaxTextBytes, end_ - at_), " are possible"));
  }
  std::string content(static_cast<size_t>(header.size), '\0');
  file_.read_at(std::as_writable_bytes(std::span(content)), at_);
  skip(header);
  if (header.type == 'L') {
    content.resize(std::min(content.find('\0'), content.size()));
  }
  return content;
}

// Records "LENGTH KEY=VALUE\n", the length counting the whole record.
void TarReader::read_pax(const Header& header) {
  const std::string content = read_text(header);
  std::string_view rest = content;
  while (!rest.empty()) {
    const size_t blank = rest.find(' ');
    const auto length = parse_int(rest.substr(0, blank));
    const bool fits = blank != std::string_view::npos && length &&
                      *length > static_cast<int64_t>(blank) + 1 &&
                      *length <= static_cast<int64_t>(rest.size());
    if (!fits || rest[static_cast<size_t>(*length) - 1] != '\n') {
      fail("a pax record that is not 'LENGTH KEY=VALUE'");
    }
    const auto end = static_cast<size_t>(*length);
    const std::string_view record = rest.substr(blank + 1, end - blank - 2);
    if (record.starts_with("path=")) {
      long_name_ = record.substr(5);
    } else if (record.starts_with("size=")) {
      long_size_ = parse_int(record.substr(5));
      if (!long_size_) {
        fail(str_cat("pax size '", record.substr(5), "' is no number"));
      }
    }
    rest.remove_prefix(end);
  }
}

TarMember TarReader::member_of(const Header& header) {
  const std::string name = long_name_.value_or(header.name);
  Header sized = header;
  sized.size = long_size_.value_or(header.size);
  long_name_.reset();
  long_size_.reset();
  const auto safe = path_below(name);
  if (!safe) {
    fail(str_cat("the name '", str_trim(name),
                 "' is empty, absolute or has '..'"));
  }
  const TarMember member{*safe, at_, sized.size};
  skip(sized);
  return member;
}

void TarReader::skip(const Header& header) {
  if (header.size < 0 || header.size > end_ - at_) {
    fail(str_cat("'", header.name, "' has ", header.size,
                 " bytes, but the archive ends ", end_ - at_,
                 " bytes behind its header"));
  }
  const int64_t padding =
      (kBlockBytes - header.size % kBlockBytes) % kBlockBytes;
  at_ += header.size;
  at_ += std::min(padding, end_ - at_);
}

void TarReader::fail(const std::string& what) const {
  throw DataError(
      one_line(str_cat(origin_, ": header at byte ", header_at_, ": ", what)));
}

}  // namespace voxlift::dataio
