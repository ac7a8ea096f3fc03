#pragma once
// Bytes in order, plain or gzip-compressed, so that a scan is never held twice.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace voxlift::dataio {

// One thread. Borrows the bytes it reads from.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  // Fills `out` as far as there are bytes; returns how many.
  // Throws DataError if the compressed stream is damaged.
  virtual size_t read(std::span<std::byte> out) = 0;

  // Reads to the end and checks what can be checked there (gzip: length and
  // CRC of each member). Throws DataError.
  virtual void finish() = 0;

  // An upper bound on the bytes still to come.
  virtual int64_t max_bytes() const = 0;
};

std::unique_ptr<ByteSource> make_memory_source(
    std::span<const std::byte> bytes);

// Members that follow each other are one stream, as gzip(1) reads them; other
// bytes after a member are ignored. `origin` names the file in errors.
std::unique_ptr<ByteSource> make_gzip_source(std::span<const std::byte> bytes,
                                             const std::string& origin);

}  // namespace voxlift::dataio
