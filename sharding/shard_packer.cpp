#include "sharding/shard_packer.h"

#include <utility>

#include "base/strings.h"
#include "sharding/utf8.h"

namespace voxlift::sharding {

ShardPacker::ShardPacker(const PackPlan& plan, int64_t shard,
                         const PackOutput& output, Files& files)
    : plan_(plan),
      shard_(plan.shards[static_cast<size_t>(shard)]),
      output_(output),
      files_(files),
      path_(join_path(output.dir, shard_.file)) {
  start_summary(shard);
}

ShardSummary ShardPacker::run() {
  if (keep_finished()) {
    progress(shard_.end - shard_.begin);
  } else {
    pack();
  }
  if (!summary_.file.empty()) {
    const FileChecksum sum = checksum_file(path_);
    summary_.file_bytes = sum.bytes;
    summary_.file_crc32c = sum.crc32c;
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
    const std::unique_ptr<Shard> packed = open_shard(path_);
    if (matches_plan(*packed)) {
      check_samples(*packed);
      summary_.file = shard_.file;
      summary_.bytes = packed->num_bytes();
      summary_.index_crc32c = packed->index_crc();
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
bool ShardPacker::matches_plan(const Shard& packed) {
  if (packed.plan_digest() != plan_.digest) {
    return false;
  }
  const std::vector<std::string>& ids = packed.ids();
  size_t next = 0;
  for (int64_t i = shard_.begin; i < shard_.end; ++i) {
    const PlannedSample& planned = sample(i);
    if (next < ids.size() && ids[next] == planned.source.id) {
      count(planned);
      ++next;
    } else if (is_readable(planned)) {
      return false;
    }
  }
  return next == ids.size();
}

// Throws DataError if a stored byte is damaged.
void ShardPacker::check_samples(const Shard& packed) {
  for (int64_t i = 0; i < packed.num_samples(); ++i) {
    packed.check_sample(i);
  }
}

bool ShardPacker::attempt(const PlannedSample& sample,
                          const std::function<void()>& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    if (error.code() != ExitCode::kData && error.code() != ExitCode::kIo) {
      throw;
    }
    summary_.rejected.push_back(
        {sample.source.id, printable_utf8(error.what())});
    return false;
  }
}

void ShardPacker::count(const PlannedSample& sample) {
  ++summary_.num_samples;
  ++summary_.samples_per_class[static_cast<size_t>(sample.source.label)];
}

void ShardPacker::progress(int64_t num_samples) const {
  if (output_.on_progress) {
    output_.on_progress(num_samples);
  }
}

ShardSummary pack_shard(const PackPlan& plan, int64_t shard,
                        const PackOutput& output, Files& files) {
  VOXLIFT_CHECK(shard >= 0 && shard < static_cast<int64_t>(plan.shards.size()),
                str_cat("shard ", shard, " of ", plan.shards.size()));
  return plan.modality == dataio::Modality::kPhotograph
             ? make_photo_packer(plan, shard, output, files)->run()
             : make_volume_packer(plan, shard, output, files)->run();
}

}  // namespace voxlift::sharding
