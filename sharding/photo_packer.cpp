// One shard of photographs: their files as they are.

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "dataio/encode/jpeg_restarts.h"
#include "sharding/shard_packer.h"
#include "sharding/shard_writer.h"

namespace voxlift::sharding {
namespace {

void check_unchanged(const PlannedSample& sample, size_t num_bytes) {
  if (static_cast<int64_t>(num_bytes) != sample.bytes) {
    throw DataError(str_cat("'", sample.source.path,
                            "' changed while being packed: it has ", num_bytes,
                            " bytes, had ", sample.bytes));
  }
}

std::vector<std::byte> read_sample(const dataio::SourceEntry& entry,
                                   const Files& files) {
  return entry.length < 0
             ? files.read(entry.path)
             : files.read_range(entry.path, entry.offset, entry.length);
}

// A sample that passed the check, and what it was then.
struct Accepted {
  const PlannedSample* sample = nullptr;
  uint32_t crc32c = 0;
  // What is stored in place of the file; empty: the file as it is.
  std::vector<std::byte> rewritten;

  int64_t stored_bytes() const {
    return rewritten.empty() ? sample->bytes
                             : static_cast<int64_t>(rewritten.size());
  }
};

// Looks at every file, then writes those that passed. The two passes make the
// length of /bytes known before the first byte is written; the second one reads
// from the page cache. Memory: what is rewritten, about one shard.
class PhotoPacker : public ShardPacker {
 public:
  PhotoPacker(const PackPlan& plan, int64_t shard, const PackOutput& output,
              Files& files)
      : ShardPacker(plan, shard, output, files) {
    VOXLIFT_CHECK(plan.config.check == "none" || output.check,
                  "check 'decode' needs a check");
  }

 protected:
  void pack() override {
    check_files();
    if (!refused() && !accepted_.empty()) {
      write();
    }
  }

  bool is_readable(const PlannedSample& sample) override {
    return check_file(sample).has_value();
  }

 private:
  // A good file; a bad one becomes a reject.
  std::optional<Accepted> check_file(const PlannedSample& sample) {
    std::vector<std::byte> bytes;
    const bool good = attempt(sample, [&] {
      bytes = read_sample(sample.source, files());
      if (static_cast<int64_t>(bytes.size()) == sample.bytes &&
          plan().config.check == "decode") {
        output().check(bytes, sample.source.path);
      }
    });
    if (!good) {
      return std::nullopt;
    }
    check_unchanged(sample, bytes.size());
    return Accepted{&sample, crc32c(bytes), rewrite(bytes)};
  }

  std::vector<std::byte> rewrite(std::span<const std::byte> bytes) const {
    return plan().config.jpeg_restarts
               ? dataio::add_jpeg_restarts(bytes).value_or(
                     std::vector<std::byte>{})
               : std::vector<std::byte>{};
  }

  void check_files() {
    for (int64_t i = shard().begin; i < shard().end; ++i) {
      auto accepted = check_file(sample(i));
      if (accepted.has_value()) {
        accepted_.push_back(*std::move(accepted));
      }
      progress(1);
    }
  }

  void write() {
    for (const Accepted& accepted : accepted_) {
      count(*accepted.sample);
      summary().bytes += accepted.stored_bytes();
    }
    ShardWriter writer(path(), {plan().modality, plan().digest},
                       summary().bytes, files());
    for (const Accepted& accepted : accepted_) {
      const dataio::SourceEntry& source = accepted.sample->source;
      if (accepted.rewritten.empty()) {
        writer.append(read_again(accepted), source.label, source.id);
      } else {
        writer.append(accepted.rewritten, source.label, source.id);
      }
    }
    summary().index_crc32c = writer.finish();
    summary().file = shard().file;
  }

  // Throws DataError if the file has changed since it was looked at.
  std::vector<std::byte> read_again(const Accepted& accepted) const {
    const PlannedSample& planned = *accepted.sample;
    std::vector<std::byte> bytes = read_sample(planned.source, files());
    check_unchanged(planned, bytes.size());
    const uint32_t crc = crc32c(bytes);
    if (crc != accepted.crc32c) {
      throw DataError(str_cat(
          "'", planned.source.path, "' changed while being packed: checksum ",
          crc_text(crc), ", was ", crc_text(accepted.crc32c)));
    }
    return bytes;
  }

  std::vector<Accepted> accepted_;
};

}  // namespace

std::unique_ptr<ShardPacker> make_photo_packer(const PackPlan& plan,
                                               int64_t shard,
                                               const PackOutput& output,
                                               Files& files) {
  return std::make_unique<PhotoPacker>(plan, shard, output, files);
}

}  // namespace voxlift::sharding
