// The inner half of pack.h: one shard.

#include <optional>
#include <utility>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/pack.h"
#include "sharding/shard_reader.h"
#include "sharding/shard_writer.h"
#include "sharding/utf8.h"

namespace voxlift::sharding {
namespace {

void check_unchanged(const PlannedSample& sample, size_t num_bytes) {
  if (static_cast<int64_t>(num_bytes) != sample.bytes) {
    throw DataError(str_cat("'", sample.source.path,
                            "' changed while being packed: it has ", num_bytes,
                            " bytes, had ", sample.bytes));
  }
}

// A sample that passed the check, and what it was then.
struct Accepted {
  const PlannedSample* sample;
  uint32_t crc32c;
};

// Packs one shard: look at every file, then write those that passed. The two
// passes make the length of /bytes known before the first byte is written; the
// second one reads from the page cache.
class ShardPacker {
 public:
  ShardPacker(const PackPlan& plan, int64_t shard, const PackOutput& output,
              Files& files)
      : plan_(plan),
        shard_(plan.shards[static_cast<size_t>(shard)]),
        output_(output),
        files_(files),
        path_(join_path(output.dir, shard_.file)) {
    start_summary(shard);
  }

  ShardSummary run();

 private:
  const PlannedSample& sample(int64_t i) const {
    return plan_.samples[static_cast<size_t>(i)];
  }

  void start_summary(int64_t shard);
  bool keep_finished();
  bool matches_plan(const ShardReader& reader);
  void check_files();
  std::optional<uint32_t> check_file(const PlannedSample& sample);
  void write();
  void count(const PlannedSample& sample);
  void progress(int64_t num_samples) const;

  const PackPlan& plan_;
  const PlannedShard& shard_;
  const PackOutput& output_;
  Files& files_;
  std::string path_;
  std::vector<Accepted> accepted_;
  ShardSummary summary_;
};

ShardSummary ShardPacker::run() {
  if (keep_finished()) {
    progress(shard_.end - shard_.begin);
    return std::move(summary_);
  }
  check_files();
  const bool refused =
      plan_.config.on_error == "fail" && !summary_.rejected.empty();
  if (!refused && !accepted_.empty()) {
    write();
  }
  return std::move(summary_);
}

void ShardPacker::start_summary(int64_t shard) {
  summary_ = ShardSummary();
  summary_.shard = shard;
  summary_.samples_per_class.assign(plan_.classes.size(), 0);
}

bool ShardPacker::keep_finished() {
  if (!files_.exists(path_)) {
    return false;
  }
  try {
    const ShardReader reader(path_);
    if (matches_plan(reader)) {
      summary_.file = shard_.file;
      summary_.index_crc32c = reader.index_crc();
      summary_.kept = true;
      return true;
    }
  } catch (const DataError&) {
    // Damaged or not a shard: packed anew, like one of another plan.
  }
  start_summary(summary_.shard);
  return false;
}

// Whether the shard holds exactly the planned samples, in order; those that it
// leaves out must still be unreadable, and are counted as rejected.
bool ShardPacker::matches_plan(const ShardReader& reader) {
  if (reader.plan_digest() != plan_.digest) {
    return false;
  }
  const ShardIndex& index = reader.index();
  size_t next = 0;
  for (int64_t i = shard_.begin; i < shard_.end; ++i) {
    const PlannedSample& planned = sample(i);
    if (next < index.id.size() && index.id[next] == planned.source.id) {
      count(planned);
      ++next;
    } else if (check_file(planned).has_value()) {
      return false;
    }
  }
  return next == index.id.size();
}

// The checksum of a good file; a bad one becomes a reject.
std::optional<uint32_t> ShardPacker::check_file(const PlannedSample& sample) {
  std::vector<std::byte> bytes;
  try {
    bytes = files_.read(sample.source.path);
    if (static_cast<int64_t>(bytes.size()) == sample.bytes &&
        plan_.config.check == "decode") {
      output_.check(bytes, sample.source.path);
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::kData && error.code() != ExitCode::kIo) {
      throw;
    }
    summary_.rejected.push_back(
        {sample.source.id, printable_utf8(error.what())});
    return std::nullopt;
  }
  check_unchanged(sample, bytes.size());
  return crc32c(bytes);
}

void ShardPacker::check_files() {
  for (int64_t i = shard_.begin; i < shard_.end; ++i) {
    const auto crc = check_file(sample(i));
    if (crc.has_value()) {
      accepted_.push_back({&sample(i), *crc});
    }
    progress(1);
  }
}

void ShardPacker::count(const PlannedSample& sample) {
  ++summary_.num_samples;
  summary_.bytes += sample.bytes;
  ++summary_.samples_per_class[static_cast<size_t>(sample.source.label)];
}

void ShardPacker::write() {
  for (const Accepted& accepted : accepted_) {
    count(*accepted.sample);
  }
  ShardWriter writer(path_, {plan_.modality, plan_.digest}, summary_.bytes,
                     files_);
  for (const auto& [planned, crc] : accepted_) {
    const auto bytes = files_.read(planned->source.path);
    check_unchanged(*planned, bytes.size());
    if (crc32c(bytes) != crc) {
      throw DataError(str_cat("'", planned->source.path,
                              "' changed while being packed: checksum 0x",
                              hex(crc32c(bytes), 8), ", was 0x", hex(crc, 8)));
    }
    writer.append(bytes, planned->source.label, planned->source.id);
  }
  summary_.index_crc32c = writer.finish();
  summary_.file = shard_.file;
}

void ShardPacker::progress(int64_t num_samples) const {
  if (output_.on_progress) {
    output_.on_progress(num_samples);
  }
}

}  // namespace

ShardSummary pack_shard(const PackPlan& plan, int64_t shard,
                        const PackOutput& output, Files& files) {
  VOXLIFT_CHECK(shard >= 0 && shard < static_cast<int64_t>(plan.shards.size()),
                str_cat("shard ", shard, " of ", plan.shards.size()));
  VOXLIFT_CHECK(plan.config.check == "none" || output.check,
                "check 'decode' needs a check");
  return ShardPacker(plan, shard, output, files).run();
}

}  // namespace voxlift::sharding
