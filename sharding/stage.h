#pragma once
// Shards copied from a network file system to a local disk, once per node, and
// kept there for later runs. What a user does with it: docs/operating.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_lock.h"
#include "sharding/dataset_index.h"

namespace voxlift::sharding {

struct StageConfig {
  std::string dir;  // On a local disk, shared by a node's ranks; empty: off.
  // Of all that lies in `dir`. Shards that do not fit are read from where the
  // data set is.
  int64_t max_bytes = 0;
  // How long another process may take for one shard.
  double wait_s = 600.0;
};

struct StageSummary {
  int64_t staged_shards = 0;
  int64_t staged_bytes = 0;
  // Of these, by this process.
  int64_t copied_shards = 0;
  int64_t copied_bytes = 0;
};

// The shards of one data set that are read from the stage. Other processes
// leave them there as long as this lives.
class Stage {
 public:
  // Copies, in index order, what the stage has no copy of yet; processes that
  // stage the same at once share the work and wait for each other. A copy is
  // compared with the index's file_crc32c. Logs one line with count, bytes and
  // time.
  //
  // Throws DataError naming the file and both values if a shard is not as
  // indexed, IoError if it cannot be read or `config.dir` cannot be made. A
  // disk that is full or fails is no error: a warning is logged, and what is
  // not staged then is read from `origin`. So are all shards where `config.dir`
  // has no file locks, and those without file_crc32c.
  Stage(const std::string& origin, const DatasetIndex& index,
        const StageConfig& config, const Clock& clock);

  // Folder in which to open shard `k` of the index.
  const std::string& dir_of(size_t k) const { return dirs_.at(k); }

  const StageSummary& summary() const { return summary_; }

 private:
  std::optional<FileLock> held_;
  std::vector<std::string> dirs_;
  StageSummary summary_;
};

}  // namespace voxlift::sharding
