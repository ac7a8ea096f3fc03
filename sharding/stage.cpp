#include "sharding/stage.h"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "sharding/dataset_check.h"
#include "sharding/stage_folder.h"

namespace voxlift::sharding {
namespace {

constexpr int64_t kPieceBytes = 4 << 20;

// Removes a file, if it is there, at the end of a scope.
class Leftover {
 public:
  explicit Leftover(std::string path) : path_(std::move(path)) {}

  ~Leftover() {
    std::error_code ignored;  // The next opening of the stage tries again.
    std::filesystem::remove(path_, ignored);
  }

  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;

 private:
  std::string path_;
};

// Stages the shards of one data set, one after the other.
class Stager {
 public:
  // All references must outlive it; `dir` is that of the data set within the
  // stage.
  Stager(const std::string& origin, const StageFolder& folder, std::string dir,
         const StageConfig& config, const Clock& clock)
      : origin_(origin),
        folder_(folder),
        dir_(std::move(dir)),
        config_(config),
        clock_(clock) {}

  // Which of the shards are in the stage now.
  std::vector<bool> run(const std::vector<ShardEntry>& shards);

  const StageSummary& summary() const { return summary_; }

 private:
  enum class Outcome { kStaged, kNotStaged, kBusy };

  Outcome stage(const ShardEntry& entry, double wait_s);
  bool is_complete(const ShardEntry& entry) const;
  bool copy(const ShardEntry& entry);
  bool transfer(const FileDescriptor& from, const FileDescriptor& to,
                const ShardEntry& entry);
  bool try_locally(const std::function<void()>& operation);
  void stop_copying(const std::string& reason);

  std::string staged_path(const ShardEntry& entry) const {
    return join_path(dir_, entry.file);
  }

  const std::string& origin_;
  const StageFolder& folder_;
  std::string dir_;
  const StageConfig& config_;
  const Clock& clock_;
  bool copying_ = true;
  StageSummary summary_;
};

// Shards that another process copies come last, so that processes work on
// different ones.
std::vector<bool> Stager::run(const std::vector<ShardEntry>& shards) {
  std::vector<bool> staged(shards.size());
  std::vector<size_t> busy;
  for (size_t k = 0; k < shards.size(); ++k) {
    const Outcome outcome = stage(shards[k], 0.0);
    staged[k] = outcome == Outcome::kStaged;
    if (outcome == Outcome::kBusy) {
      busy.push_back(k);
    }
  }
  double wait_s = config_.wait_s;
  for (const size_t k : busy) {
    const Outcome outcome = stage(shards[k], wait_s);
    staged[k] = outcome == Outcome::kStaged;
    if (outcome == Outcome::kBusy && wait_s > 0.0) {
      log_warning(str_cat("another process has been copying '",
                          staged_path(shards[k]), "' for ", wait_s,
                          " s: not waiting for it any longer"));
      wait_s = 0.0;
    }
  }
  return staged;
}

Stager::Outcome Stager::stage(const ShardEntry& entry, double wait_s) {
  if (entry.file_crc32c < 0 || entry.file_bytes < 0) {
    return Outcome::kNotStaged;
  }
  if (!is_complete(entry)) {
    std::optional<FileLock> lock;
    const bool usable = try_locally([&] {
      lock = FileLock::try_for(staged_path(entry) + ".lock",
                               LockMode::kExclusive, wait_s, clock_);
    });
    if (usable && !lock.has_value()) {
      return Outcome::kBusy;
    }
    if (!is_complete(entry) && !(usable && copying_ && copy(entry))) {
      return Outcome::kNotStaged;
    }
  }
  ++summary_.staged_shards;
  summary_.staged_bytes += entry.file_bytes;
  return Outcome::kStaged;
}

// A file under its final name has been compared with its checksum.
bool Stager::is_complete(const ShardEntry& entry) const {
  const std::string path = staged_path(entry);
  std::error_code absent;
  const auto size = std::filesystem::file_size(path, absent);
  return !absent && static_cast<int64_t>(size) == entry.file_bytes;
}

// False where the stage takes no more.
bool Stager::copy(const ShardEntry& entry) {
  const std::string path = join_path(origin_, entry.file);
  if (!RealFiles().exists(path)) {
    return false;  // Who opens it there says so.
  }
  const FileDescriptor from(path, O_RDONLY);
  check_file_length(path, RealFiles().size_bytes(path), entry);
  const std::string tmp = staged_path(entry) + ".tmp";
  const Leftover leftover(tmp);
  std::optional<FileDescriptor> to;
  if (!try_locally([&] { to = folder_.reserve(tmp, entry.file_bytes); })) {
    return false;
  }
  if (!to.has_value()) {
    stop_copying(str_cat("'", entry.file, "' (",
                         human_bytes(static_cast<double>(entry.file_bytes)),
                         ") does not fit"));
    return false;
  }
  if (!transfer(from, *to, entry) ||
      !try_locally([&] { folder_.publish(tmp, staged_path(entry)); })) {
    return false;
  }
  ++summary_.copied_shards;
  summary_.copied_bytes += entry.file_bytes;
  return true;
}

bool Stager::transfer(const FileDescriptor& from, const FileDescriptor& to,
                      const ShardEntry& entry) {
  std::vector<std::byte> piece;
  uint32_t crc = 0;
  for (int64_t offset = 0; offset < entry.file_bytes; offset += kPieceBytes) {
    piece.resize(
        static_cast<size_t>(std::min(kPieceBytes, entry.file_bytes - offset)));
    from.read_at(piece, offset);
    crc = crc32c(piece, crc);
    if (!try_locally([&] { to.write(piece); })) {
      return false;
    }
  }
  check_file_crc(from.path(), crc, entry);
  return try_locally([&] { to.sync(); });
}

// Runs an operation on the local disk, of which a failure ends the copying but
// not the run.
bool Stager::try_locally(const std::function<void()>& operation) {
  try {
    operation();
    return true;
  } catch (const IoError& error) {
    stop_copying(error.what());
    return false;
  }
}

void Stager::stop_copying(const std::string& reason) {
  if (copying_) {
    log_warning(str_cat("staging into '", config_.dir, "' ends: ", reason,
                        "; what is not there is read from '", origin_, "'"));
  }
  copying_ = false;
}

// Nothing, after a warning, where the stage cannot be used.
std::optional<FileLock> hold(const StageFolder& folder, const std::string& id,
                             const std::string& dir) {
  try {
    if (has_file_locks(join_path(dir, "lock"))) {
      return folder.hold(id);
    }
    log_warning(str_cat("'", dir,
                        "' is on a file system without locks: nothing is "
                        "staged"));
  } catch (const IoError& error) {
    log_warning(str_cat("nothing is staged: ", error.what()));
  }
  return std::nullopt;
}

void report(const std::string& origin, const std::vector<ShardEntry>& shards,
            const StageSummary& summary, const StageConfig& config,
            double seconds) {
  const auto unknown = std::count_if(
      shards.begin(), shards.end(),
      [](const ShardEntry& entry) { return entry.file_crc32c < 0; });
  if (unknown > 0) {
    log_warning(str_cat(unknown, " of ", shards.size(), " shards of '", origin,
                        "' have no file_crc32c in the index: not staged"));
  }
  log_info(str_cat(
      summary.staged_shards, " of ", shards.size(), " shards of '", origin,
      "' (", human_bytes(static_cast<double>(summary.staged_bytes)),
      ") are in the stage '", config.dir, "'; ", summary.copied_shards, " (",
      human_bytes(static_cast<double>(summary.copied_bytes)),
      ") copied by this process, in ", human_duration(seconds)));
}

}  // namespace

Stage::Stage(const std::string& origin, const DatasetIndex& index,
             const StageConfig& config, const Clock& clock)
    : dirs_(index.shards.size(), origin) {
  const double start_s = clock.now_s();
  RealFiles().make_dirs(config.dir);
  const StageFolder folder(config.dir, config.max_bytes, clock);
  const std::string id = stage_id(index_to_json(index).dump());
  held_ = hold(folder, id, config.dir);
  if (!held_.has_value()) {
    return;
  }
  Stager stager(origin, folder, folder.path_of(id), config, clock);
  const std::vector<bool> staged = stager.run(index.shards);
  for (size_t k = 0; k < staged.size(); ++k) {
    if (staged[k]) {
      dirs_[k] = folder.path_of(id);
    }
  }
  summary_ = stager.summary();
  report(origin, index.shards, summary_, config, clock.now_s() - start_s);
}

}  // namespace voxlift::sharding
