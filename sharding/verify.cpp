#include "sharding/verify.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/dataset_check.h"
#include "sharding/dataset_index.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

// One walk over a data set; every check goes through attempt().
class Verifier {
 public:
  Verifier(const std::string& dir, const VerifyProgress& progress,
           int64_t max_errors)
      : dir_(dir), progress_(progress), max_errors_(max_errors) {}

  VerifyReport run();

 private:
  // Runs `check`; what it throws becomes a problem. False after a problem.
  template <typename Check>
  bool attempt(const Check& check) {
    try {
      check();
      return true;
    } catch (const Error& error) {
      report_.problems.emplace_back(error.what());
      return false;
    }
  }

  bool full() const {
    return static_cast<int64_t>(report_.problems.size()) >= max_errors_;
  }

  void open_shards();
  void read_samples(const Shard& shard, SampleCensus& census);
  const ShardEntry& entry_of(const Shard& shard) const;
  void check_unlisted();

  const std::string& dir_;
  const VerifyProgress& progress_;
  int64_t max_errors_;
  DatasetIndex index_;
  std::vector<std::unique_ptr<Shard>> shards_;
  bool all_open_ = true;
  VerifyReport report_;
};

VerifyReport Verifier::run() {
  if (!attempt([&] { index_ = read_dataset_index(dir_, RealFiles()); })) {
    return report_;
  }
  open_shards();
  SampleCensus census(index_);
  for (const auto& shard : shards_) {
    read_samples(*shard, census);
  }
  if (!full()) {
    attempt([&] { census.check_ids(); });
  }
  if (all_open_ && !full()) {
    attempt([&] { census.check_counts(join_path(dir_, kIndexFile)); });
  }
  attempt([&] { check_unlisted(); });
  report_.stopped_early = full();
  return report_;
}

void Verifier::open_shards() {
  shards_.reserve(index_.shards.size());
  for (const ShardEntry& entry : index_.shards) {
    const bool opened = !full() && attempt([&] {
      shards_.push_back(open_listed_shard(dir_, entry));
      ++report_.num_shards;
      check_shard(*shards_.back(), index_, entry);
    });
    all_open_ = all_open_ && opened;
  }
}

void Verifier::read_samples(const Shard& shard, SampleCensus& census) {
  const size_t num_problems = report_.problems.size();
  for (int64_t i = 0; i < shard.num_samples() && !full(); ++i) {
    attempt([&] { census.add(shard, i); });
    attempt([&] { report_.num_bytes += shard.check_sample(i); });
    ++report_.num_samples;
    if (progress_) {
      progress_(report_.num_samples, index_.num_samples());
    }
  }
  // Bytes that no sample uses, unless something better was said.
  if (!full() && report_.problems.size() == num_problems) {
    attempt([&] { check_whole_file(shard.path(), entry_of(shard)); });
  }
}

const ShardEntry& Verifier::entry_of(const Shard& shard) const {
  const auto found = std::find_if(
      index_.shards.begin(), index_.shards.end(), [&](const ShardEntry& entry) {
        return entry.file == base_name(shard.path());
      });
  VOXLIFT_CHECK(found != index_.shards.end(), "a shard of the index");
  return *found;
}

void Verifier::check_unlisted() {
  std::set<std::string> listed;
  for (const ShardEntry& entry : index_.shards) {
    listed.insert(entry.file);
  }
  for (const std::string& name : RealFiles().list_dir(dir_)) {
    if (name.ends_with(".h5") && !listed.contains(name)) {
      report_.problems.push_back(str_cat("'", join_path(dir_, name),
                                         "' is not listed in ", kIndexFile));
    }
  }
}

}  // namespace

VerifyReport verify_dataset(const std::string& dir,
                            const VerifyProgress& progress,
                            int64_t max_errors) {
  VOXLIFT_CHECK(max_errors > 0, "max_errors");
  return Verifier(dir, progress, max_errors).run();
}

}  // namespace voxlift::sharding
