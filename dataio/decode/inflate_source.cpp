// deflate in its three wrappers, and bzip2.

#include <bzlib.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"

namespace voxlift::dataio {

namespace {

// What zlib's inflateInit2 calls windowBits.
constexpr int kGzip = 15 + 16;
constexpr int kZlibOrGzip = 15 + 32;
constexpr int kBare = -15;

constexpr int64_t kMinBzip2Bound = int64_t{256} << 20;

// Compressed bytes through a small buffer.
class InputBuffer {
 public:
  explicit InputBuffer(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)),
        total_bytes_(source_->max_bytes()),
        buffer_(1 << 16) {}

  // What is at hand, at least `min_bytes` (few) unless the source ends before.
  std::span<std::byte> at_hand(size_t min_bytes) {
    if (rest_.size() < min_bytes) {
      std::memmove(buffer_.data(), rest_.data(), rest_.size());
      const size_t num_read =
          source_->read(std::span(buffer_).subspan(rest_.size()));
      rest_ = std::span(buffer_).first(rest_.size() + num_read);
    }
    return rest_;
  }

  void consume(size_t num_bytes) { rest_ = rest_.subspan(num_bytes); }

  int64_t total_bytes() const { return total_bytes_; }

 private:
  std::unique_ptr<ByteSource> source_;
  int64_t total_bytes_;
  std::vector<std::byte> buffer_;
  std::span<std::byte> rest_{buffer_.data(), 0};
};

// The libraries count in 32 bits; larger buffers go piece by piece.
unsigned piece(size_t num_bytes) {
  return static_cast<unsigned>(std::min<size_t>(num_bytes, 1U << 30));
}

// The part that both compressions share: read until full or at the end.
class InflatingSource : public ByteSource {
 public:
  InflatingSource(std::unique_ptr<ByteSource> compressed, std::string origin)
      : input_(std::move(compressed)), origin_(std::move(origin)) {}

  size_t read(std::span<std::byte> out) override {
    size_t done = 0;
    while (done < out.size() && !at_end_) {
      done += inflate_some(out.subspan(done));
    }
    return done;
  }

  void finish() override {
    std::vector<std::byte> unused(1 << 14);
    while (!at_end_) {
      inflate_some(unused);
    }
  }

 protected:
  // Inflates at least one byte of input or output, or sets at_end_.
  virtual size_t inflate_some(std::span<std::byte> out) = 0;

  [[noreturn]] void throw_damaged(const std::string& kind,
                                  const std::string& why,
                                  uint64_t inflated) const {
    throw DataError(str_cat(origin_, ": damaged ", kind, " stream: ", why,
                            ", after ", inflated, " inflated bytes"));
  }

  InputBuffer input_;
  bool at_end_ = false;

 private:
  std::string origin_;
};

class DeflateSource : public InflatingSource {
 public:
  DeflateSource(std::unique_ptr<ByteSource> compressed,
                const std::string& origin, int wrapper)
      : InflatingSource(std::move(compressed), origin), wrapper_(wrapper) {
    if (inflateInit2(&stream_, wrapper) != Z_OK) {
      throw InternalError("zlib cannot make its state");
    }
  }

  ~DeflateSource() override { inflateEnd(&stream_); }

  DeflateSource(const DeflateSource&) = delete;
  DeflateSource& operator=(const DeflateSource&) = delete;

  int64_t max_bytes() const override {
    return input_.total_bytes() * kMaxDeflateExpansion;
  }

 protected:
  size_t inflate_some(std::span<std::byte> out) override {
    const std::span<std::byte> in = input_.at_hand(1);
    const uInt num_out = piece(out.size());
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = piece(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = num_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    input_.consume(piece(in.size()) - stream_.avail_in);
    if (status == Z_STREAM_END) {
      next_member();
    } else if (status != Z_OK) {
      throw_damaged(wrapper_ == kGzip ? "gzip" : "deflate", reason(status),
                    stream_.total_out);
    }
    return num_out - stream_.avail_out;
  }

 private:
  std::string reason(int status) const {
    return status == Z_BUF_ERROR    ? "it ends early"
           : stream_.msg == nullptr ? zError(status)
                                    : stream_.msg;
  }

  void next_member() {
    at_end_ = true;
    if (wrapper_ == kGzip) {
      const std::span<std::byte> in = input_.at_hand(2);
      at_end_ = !(in.size() >= 2 && in[0] == std::byte{0x1f} &&
                  in[1] == std::byte{0x8b});
    }
    if (!at_end_) {
      inflateReset(&stream_);
    }
  }

  int wrapper_;
  z_stream stream_{};
};

class Bzip2Source : public InflatingSource {
 public:
  Bzip2Source(std::unique_ptr<ByteSource> compressed, const std::string& origin)
      : InflatingSource(std::move(compressed), origin) {
    start();
  }

  ~Bzip2Source() override { BZ2_bzDecompressEnd(&stream_); }

  Bzip2Source(const Bzip2Source&) = delete;
  Bzip2Source& operator=(const Bzip2Source&) = delete;

  int64_t max_bytes() const override {
    return std::max(kMinBzip2Bound,
                    input_.total_bytes() * kMaxDeflateExpansion);
  }

 protected:
  size_t inflate_some(std::span<std::byte> out) override {
    const std::span<std::byte> in = input_.at_hand(1);
    const unsigned num_out = piece(out.size());
    stream_.next_in = reinterpret_cast<char*>(in.data());
    stream_.avail_in = piece(in.size());
    stream_.next_out = reinterpret_cast<char*>(out.data());
    stream_.avail_out = num_out;
    const int status = BZ2_bzDecompress(&stream_);
    const size_t num_in = piece(in.size()) - stream_.avail_in;
    input_.consume(num_in);
    const size_t made = num_out - stream_.avail_out;
    inflated_ += made;
    if (status == BZ_STREAM_END) {
      next_member();
    } else if (status != BZ_OK) {
      throw_damaged("bzip2", str_cat("error ", status), inflated_);
    } else if (num_in == 0 && made == 0) {
      throw_damaged("bzip2", "it ends early", inflated_);
    }
    return made;
  }

 private:
  void start() {
    stream_ = bz_stream{};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) {
      throw InternalError("bzip2 cannot make its state");
    }
  }

  void next_member() {
    const std::span<std::byte> in = input_.at_hand(3);
    at_end_ = !(in.size() >= 3 && std::memcmp(in.data(), "BZh", 3) == 0);
    if (!at_end_) {
      BZ2_bzDecompressEnd(&stream_);
      start();
    }
  }

  bz_stream stream_{};
  uint64_t inflated_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> make_gzip_source(std::span<const std::byte> bytes,
                                             const std::string& origin) {
  return make_gzip_source(make_memory_source(bytes), origin);
}

std::unique_ptr<ByteSource> make_gzip_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin) {
  return std::make_unique<DeflateSource>(std::move(compressed), origin, kGzip);
}

std::unique_ptr<ByteSource> make_zlib_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin) {
  return std::make_unique<DeflateSource>(std::move(compressed), origin,
                                         kZlibOrGzip);
}

std::unique_ptr<ByteSource> make_deflate_source(
    std::span<const std::byte> bytes, const std::string& origin) {
  return std::make_unique<DeflateSource>(make_memory_source(bytes), origin,
                                         kBare);
}

std::unique_ptr<ByteSource> make_bzip2_source(
    std::unique_ptr<ByteSource> compressed, const std::string& origin) {
  return std::make_unique<Bzip2Source>(std::move(compressed), origin);
}

}  // namespace voxlift::dataio
