#pragma once
// Where the members of a tar file lie, without extracting them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace voxlift::dataio {

// Bytes that are read at any place: a file, or memory in tests.
class RandomAccess {
 public:
  RandomAccess() = default;
  RandomAccess(const RandomAccess&) = delete;
  RandomAccess& operator=(const RandomAccess&) = delete;
  virtual ~RandomAccess() = default;

  virtual int64_t size_bytes() const = 0;

  // Fills `bytes`, which must lie within the file. Throws IoError.
  virtual void read_at(std::span<std::byte> bytes, int64_t offset) const = 0;
};

// A regular file in a tar file.
struct TarMember {
  std::string name;    // Relative, without "." and "..".
  int64_t offset = 0;  // Of its first byte in the RandomAccess.
  int64_t size = 0;
};

// Reads the headers of a tar file one after the other: POSIX ustar, GNU long
// names, pax paths and sizes (IEEE Std 1003.1-2017, "pax"). Folders are passed
// over. A tar file within a tar file is contiguous, so that it is read with the
// same file and a part of it.
//
// Strict: header checksums are verified; a member must end within the part; the
// part must hold a block of zeros at its end. Memory: one header and its long
// names, at most 1 MiB each. Cost: one small read a member.
//
// One thread. The file must outlive the reader.
class TarReader {
 public:
  // Bytes begin .. end of `file`; `origin` is named in errors.
  TarReader(const RandomAccess& file, int64_t begin, int64_t end,
            std::string origin);

  // The next member; nothing at the end of the archive. Throws DataError
  // naming origin and the header's byte for a wrong checksum, number or type
  // (links and devices), an unsafe name, a member beyond the end, or no end.
  [[nodiscard]] std::optional<TarMember> next();

 private:
  struct Header;

  std::optional<Header> read_header();
  std::string read_text(const Header& header);
  void read_pax(const Header& header);
  TarMember member_of(const Header& header);
  void skip(const Header& header);
  [[noreturn]] void fail(const std::string& what) const;

  const RandomAccess& file_;
  int64_t at_;
  int64_t end_;
  std::string origin_;
  int64_t header_at_;
  // From the headers before a member, for that member alone.
  std::optional<std::string> long_name_;
  std::optional<int64_t> long_size_;
};

}  // namespace voxlift::dataio
