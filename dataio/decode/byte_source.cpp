#include "dataio/decode/byte_source.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : rest_(bytes) {}

  size_t read(std::span<std::byte> out) override {
    const size_t num_bytes = std::min(out.size(), rest_.size());
    if (num_bytes > 0) {
      std::memcpy(out.data(), rest_.data(), num_bytes);
    }
    rest_ = rest_.subspan(num_bytes);
    return num_bytes;
  }

  int64_t skip(int64_t num_bytes) override {
    const int64_t skipped = std::min(num_bytes, max_bytes());
    rest_ = rest_.subspan(static_cast<size_t>(skipped));
    return skipped;
  }

  void finish() override {}

  int64_t max_bytes() const override {
    return static_cast<int64_t>(rest_.size());
  }

 private:
  std::span<const std::byte> rest_;
};

// A folder, a pipe or a device has no length to check claims against, and a
// pipe would block.
int64_t plain_file_bytes(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) &&
      !std::filesystem::is_regular_file(status)) {
    throw DataError(path + ": no plain file");
  }
  return RealFiles().size_bytes(path);
}

class FileSource : public ByteSource {
 public:
  FileSource(const std::string& path, int64_t offset)
      : end_(plain_file_bytes(path)), file_(path, O_RDONLY), offset_(offset) {
    if (offset > end_) {
      throw DataError(
          str_cat(path, ": has ", end_, " bytes, data start at byte ", offset));
    }
  }

  size_t read(std::span<std::byte> out) override {
    const auto wanted = std::min(static_cast<int64_t>(out.size()), max_bytes());
    file_.read_at(out.first(static_cast<size_t>(wanted)), offset_);
    offset_ += wanted;
    return static_cast<size_t>(wanted);
  }

  int64_t skip(int64_t num_bytes) override {
    const int64_t skipped = std::min(num_bytes, max_bytes());
    offset_ += skipped;
    return skipped;
  }

  void finish() override {}

  int64_t max_bytes() const override { return end_ - offset_; }

 private:
  int64_t end_;
  FileDescriptor file_;
  int64_t offset_;
};

}  // namespace

int64_t ByteSource::skip(int64_t num_bytes) {
  std::array<std::byte, 16384> unused;
  int64_t skipped = 0;
  while (skipped < num_bytes) {
    const auto piece = static_cast<size_t>(
        std::min(num_bytes - skipped, static_cast<int64_t>(unused.size())));
    const size_t num_read = read(std::span(unused).first(piece));
    skipped += static_cast<int64_t>(num_read);
    if (num_read < piece) {
      break;
    }
  }
  return skipped;
}

void skip_exactly(ByteSource& source, int64_t num_bytes,
                  const std::string& origin) {
  const int64_t skipped = source.skip(num_bytes);
  if (skipped < num_bytes) {
    throw DataError(str_cat(origin, ": ends before the voxels, after ", skipped,
                            " of ", num_bytes, " bytes to pass over"));
  }
}

std::unique_ptr<ByteSource> make_memory_source(
    std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

std::unique_ptr<ByteSource> make_file_source(const std::string& path,
                                             int64_t offset) {
  return std::make_unique<FileSource>(path, offset);
}

}  // namespace voxlift::dataio
