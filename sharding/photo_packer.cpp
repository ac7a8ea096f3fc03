// One shard of photographs: their files as they are.

#include <optional>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
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
  const PlannedSample* sample;
  uint32_t crc32c;
};

// Looks at every file, then writes those that passed. The two passes make the
// length of /bytes known before the first byte is written; the second one reads
// from the page cache.
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
  // The checksum of a good file; a bad one becomes a reject.
  std::optional<uint32_t> check_file(const PlannedSample& sample) {
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
    return crc32c(bytes);
  }

  void check_files() {
    for (int64_t i = shard().begin; i < shard().end; ++i) {
      const auto crc = check_file(sample(i));
      if (crc.has_value()) {
        accepted_.push_back({&sample(i), *crc});
      }
      progress(1);
    }
  }

  void write() {
    for (const Accepted& accepted : accepted_) {
      count(*accepted.sample);
      summary().bytes += accepted.sample->bytes;
    }
    ShardWriter writer(path(), {plan().modality, plan().digest},
                       summary().bytes, files());
    for (const auto& [planned, crc] : accepted_) {
      const auto bytes = read_sample(planned->source, files());
      check_unchanged(*planned, bytes.size());
      if (crc32c(bytes) != crc) {
        throw DataError(str_cat("'", planned->source.path,
                                "' changed while being packed: checksum ",
                                crc_text(crc32c(bytes)), ", was ",
                                crc_text(crc)));
      }
      writer.append(bytes, planned->source.label, planned->source.id);
    }
    summary().index_crc32c = writer.finish();
    summary().file = shard().file;
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
