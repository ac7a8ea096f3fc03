#pragma once
// The folder on a local disk that the processes of a node stage shards into.
//
//   DIR/lock                     held while the sum of sizes changes
//   DIR/ID/in_use                held, shared, by each process that reads ID;
//                                its time is that of the last opening
//   DIR/ID/shard-00000.h5        complete and checked
//   DIR/ID/shard-00000.h5.tmp    being copied; has its full length at once
//   DIR/ID/shard-00000.h5.lock   held by the process that copies
//
// The kernel lets go of a killed process's locks: what it leaves behind is
// known by a lock that nobody holds.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/files.h"

namespace voxlift::sharding {

// Any number of processes and threads, each with its own.
class StageFolder {
 public:
  // `dir` must exist, on a file system with locks; `clock` must outlive this.
  StageFolder(std::string dir, int64_t max_bytes, const Clock& clock)
      : dir_(std::move(dir)), max_bytes_(max_bytes), clock_(clock) {}

  // The folder of data set `id`, which has the form of stage_id().
  std::string path_of(const std::string& id) const;

  // Makes the folder of data set `id` and keeps it while the result lives.
  // Removes what killed processes have left half copied, of any data set.
  // Throws IoError.
  [[nodiscard]] FileLock hold(const std::string& id) const;

  // Makes `path` with `bytes` bytes to be written, for which data sets that
  // nobody holds are removed, oldest first. Nothing if all that lies in the
  // folder would then be more than max_bytes. Throws IoError, as on a full
  // disk; `path` may then be there.
  [[nodiscard]] std::optional<FileDescriptor> reserve(const std::string& path,
                                                      int64_t bytes) const;

  // Renames a written file, durably. Throws IoError.
  void publish(const std::string& from, const std::string& to) const;

 private:
  FileLock lock() const;
  void remove_leftovers() const;
  bool make_room(int64_t bytes) const;

  std::string dir_;
  int64_t max_bytes_;
  const Clock& clock_;
};

// A name of 8 and 16 hex digits for the content of an index.
std::string stage_id(const std::string& index_text);

}  // namespace voxlift::sharding
