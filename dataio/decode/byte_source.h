#pragma once
// Bytes in order, plain or compressed, from memory or from a file, so that a
// scan is never held twice.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace voxlift::dataio {

// One thread. What it reads from must outlive it.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  // Fills `out` as far as there are bytes; returns how many.
  // Throws DataError if the compressed stream is damaged, IoError.
  virtual size_t read(std::span<std::byte> out) = 0;

  // Passes over bytes as far as there are any; returns how many. A file and
  // memory seek, the others read.
  virtual int64_t skip(int64_t num_bytes);

  // Reads to the end and checks what can be checked there (gzip: length and
  // CRC of each member). Throws DataError.
  virtual void finish() = 0;

  // An upper bound on the bytes still to come.
  virtual int64_t max_bytes() const = 0;
};

// No deflate stream expands more (zlib's technical notes).
inline constexpr int64_t kMaxDeflateExpansion = 1032;

// Throws DataError naming both lengths if fewer than `num_bytes` follow.
void skip_exactly(ByteSource& source, int64_t num_bytes,
                  const std::string& origin);

std::unique_ptr<ByteSource> make_memory_source(
    std::span<const std::byte> bytes);

// The file from byte `offset` on, through a small buffer.
// Throws IoError, DataError if it is no plain file or ends before `offset`.
std::unique_ptr<ByteSource> make_file_source(const std::string& path,
                                             int64_t offset = 0);

// Members that follow each other are one stream, as gzip(1) reads them; other
// bytes after a member are ignored. `origin` names the file in errors.
std::unique_ptr<ByteSource> make_gzip_source(std::span<const std::byte> bytes,
                                             const std::string& origin);
std::unique_ptr<ByteSource> make_gzip_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin);

// A stream of zlib (RFC 1950) or gzip, told by its first bytes.
std::unique_ptr<ByteSource> make_zlib_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin);

// Bare deflate (RFC 1951), as in DICOM.
std::unique_ptr<ByteSource> make_deflate_source(
    std::span<const std::byte> bytes, const std::string& origin);

// bzip2 expands without a useful bound: max_bytes() counts 1032 for one as
// deflate has, but 256 MiB at least.
std::unique_ptr<ByteSource> make_bzip2_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin);

}  // namespace voxlift::dataio
