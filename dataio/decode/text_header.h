#pragma once
// Headers of text lines before binary voxels (MetaImage, NRRD).

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataio/decode/byte_source.h"

namespace voxlift::dataio {

// A header must end within as many bytes.
inline constexpr size_t kMaxTextHeaderBytes = 1 << 16;

// Lines one after the other; a carriage return before a line end is dropped.
class TextLines {
 public:
  explicit TextLines(std::string_view text) : text_(text) {}

  // The next line without its end, or nothing. A line without an end counts.
  std::optional<std::string_view> next();

  // Bytes of the lines so far, their ends included.
  size_t num_bytes() const { return at_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// The first bytes of the file, kMaxTextHeaderBytes if it has as many.
std::string read_text_head(const std::string& path);

// Text of a file for a message: at most 80 characters, others than printable
// ASCII as '?'.
std::string printable(std::string_view text);

// Numbers with blanks between them. Throws DataError naming `what` unless there
// are `count` (0: one or more, at most 16) finite ones.
std::vector<double> parse_numbers(std::string_view text, size_t count,
                                  const std::string& what,
                                  const std::string& origin);
std::vector<int64_t> parse_whole_numbers(std::string_view text, size_t count,
                                         const std::string& what,
                                         const std::string& origin);

}  // namespace voxlift::dataio
