#include "dataio/decode/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

// No deflate stream expands more (zlib's technical notes).
constexpr int64_t kMaxExpansion = 1032;

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

  void finish() override {}

  int64_t max_bytes() const override {
    return static_cast<int64_t>(rest_.size());
  }

 private:
  std::span<const std::byte> rest_;
};

class GzipSource : public ByteSource {
 public:
  GzipSource(std::span<const std::byte> bytes, const std::string& origin)
      : rest_(bytes),
        origin_(origin),
        max_bytes_(static_cast<int64_t>(bytes.size()) * kMaxExpansion) {
    // 16: gzip wrapper, whose CRC and length zlib checks.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) {
      throw InternalError("zlib cannot make its state");
    }
  }

  ~GzipSource() override { inflateEnd(&stream_); }

  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(std::span<std::byte> out) override {
    size_t done = 0;
    while (done < out.size() && !at_end_) {
      done += inflate_some(out.subspan(done));
    }
    return done;
  }

  void finish() override {
    std::array<std::byte, 4096> unused;
    while (!at_end_) {
      inflate_some(unused);
    }
  }

  int64_t max_bytes() const override { return max_bytes_; }

 private:
  // zlib counts in 32 bits; larger buffers go piece by piece.
  static uInt piece(size_t num_bytes) {
    return static_cast<uInt>(std::min<size_t>(num_bytes, 1U << 30));
  }

  size_t inflate_some(std::span<std::byte> out) {
    const uInt num_in = piece(rest_.size());
    const uInt num_out = piece(out.size());
    stream_.next_in =
        reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
    stream_.avail_in = num_in;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = num_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    rest_ = rest_.subspan(num_in - stream_.avail_in);
    if (status == Z_STREAM_END) {
      next_member();
    } else if (status != Z_OK) {
      throw_damaged(status);
    }
    return num_out - stream_.avail_out;
  }

  void next_member() {
    const bool another = rest_.size() >= 2 && rest_[0] == std::byte{0x1f} &&
                         rest_[1] == std::byte{0x8b};
    at_end_ = !another;
    if (another) {
      inflateReset(&stream_);
    }
  }

  [[noreturn]] void throw_damaged(int status) const {
    const std::string why = status == Z_BUF_ERROR    ? "it ends early"
                            : stream_.msg == nullptr ? zError(status)
                                                     : stream_.msg;
    throw DataError(str_cat(origin_, ": damaged gzip stream: ", why, ", after ",
                            stream_.total_out, " inflated bytes"));
  }

  std::span<const std::byte> rest_;
  std::string origin_;
  int64_t max_bytes_;
  z_stream stream_{};
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> make_memory_source(
    std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

std::unique_ptr<ByteSource> make_gzip_source(std::span<const std::byte> bytes,
                                             const std::string& origin) {
  return std::make_unique<GzipSource>(bytes, origin);
}

}  // namespace voxlift::dataio
