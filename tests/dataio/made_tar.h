#pragma once
// Tar files made in memory, good and bad.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/source/tar.h"

namespace voxlift::test {

// Memory as a file.
class MemoryFile : public dataio::RandomAccess {
 public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}

  int64_t size_bytes() const override {
    return static_cast<int64_t>(content_.size());
  }

  void read_at(std::span<std::byte> bytes, int64_t offset) const override {
    const auto from =
        as_bytes(content_).subspan(static_cast<size_t>(offset), bytes.size());
    std::copy(from.begin(), from.end(), bytes.begin());
  }

 private:
  std::string content_;
};

// A header block with a right checksum. `size_field` replaces the octal size.
inline std::string tar_header(const std::string& name, size_t size,
                              char type = '0',
                              const std::string& size_field = "") {
  std::string block(512, '\0');
  const auto put = [&](size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  const auto octal = [](size_t value, size_t digits) {
    std::string text(digits, '0');
    for (size_t i = digits; i-- > 0 && value > 0; value /= 8) {
      text[i] = static_cast<char>('0' + value % 8);
    }
    return text;
  };
  put(0, name.substr(0, 100));
  put(100, "0000644");
  put(124, size_field.empty() ? octal(size, 11) : size_field);
  put(148, "        ");
  block[156] = type;
  put(257, std::string("ustar\00000", 8));
  size_t sum = 0;
  for (const char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  return block;
}

inline std::string tar_padded(const std::string& content) {
  return content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline std::string tar_member(const std::string& name,
                              const std::string& content, char type = '0') {
  return tar_header(name, content.size(), type) + tar_padded(content);
}

inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace voxlift::test
