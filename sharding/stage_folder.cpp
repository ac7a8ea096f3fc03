#include "sharding/stage_folder.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::sharding {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTmpSuffix = ".tmp";
constexpr const char* kLockSuffix = ".lock";
constexpr const char* kInUseFile = "in_use";
// What is done under the lock takes milliseconds.
constexpr double kLockWaitS = 60.0;
constexpr size_t kCrcDigits = 8;
constexpr size_t kHashDigits = 16;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Only folders with such names are ever removed: a stage may be put into a
// folder with other things.
bool is_stage_id(std::string_view name) {
  return name.size() == kCrcDigits + 1 + kHashDigits &&
         name[kCrcDigits] == '-' && is_hex(name.substr(0, kCrcDigits)) &&
         is_hex(name.substr(kCrcDigits + 1));
}

// Files that go away meanwhile do not count.
int64_t bytes_below(const std::string& dir) {
  int64_t sum = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(dir, options, error), end;
       !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const bool counts = it->is_regular_file(ignored) && !it->is_symlink();
    const auto size = counts ? it->file_size(ignored) : 0;
    sum += ignored ? 0 : static_cast<int64_t>(size);
  }
  if (error) {
    throw_io_error("cannot list the folder", dir, error.value());
  }
  return sum;
}

struct StagedDir {
  fs::file_time_type last_use;
  std::string path;
};

// All data sets in the stage, the longest unused first.
std::vector<StagedDir> staged_dirs(const std::string& dir) {
  std::vector<StagedDir> dirs;
  for (const std::string& name : RealFiles().list_dir(dir)) {
    const std::string path = join_path(dir, name);
    if (is_stage_id(name) && RealFiles().is_dir(path)) {
      std::error_code unknown;  // Then it is the oldest.
      const auto time =
          fs::last_write_time(join_path(path, kInUseFile), unknown);
      dirs.push_back({unknown ? fs::file_time_type::min() : time, path});
    }
  }
  std::sort(dirs.begin(), dirs.end(),
            [](const StagedDir& a, const StagedDir& b) {
              return a.last_use < b.last_use;
            });
  return dirs;
}

// So that a full disk is met before the copy, not in the middle.
void allocate(const FileDescriptor& file, int64_t bytes) {
  int error = EINTR;
  while (error == EINTR) {
    error = bytes == 0 ? 0 : ::posix_fallocate(file.get(), 0, bytes);
  }
  if (error != 0) {
    throw_io_error(str_cat("cannot reserve ", bytes, " bytes for"), file.path(),
                   error);
  }
}

}  // namespace

std::string stage_id(const std::string& index_text) {
  return hex(crc32c(as_bytes(index_text)), kCrcDigits) + "-" +
         hex(fnv1a64(index_text), kHashDigits);
}

std::string StageFolder::path_of(const std::string& id) const {
  VOXLIFT_CHECK(is_stage_id(id), id);
  return join_path(dir_, id);
}

FileLock StageFolder::lock() const {
  const std::string path = join_path(dir_, "lock");
  auto lock = FileLock::try_for(path, LockMode::kExclusive, kLockWaitS, clock_);
  if (!lock.has_value()) {
    throw IoError(str_cat("'", path, "' stays locked for ", kLockWaitS,
                          " s: a process that stages hangs"));
  }
  return *std::move(lock);
}

FileLock StageFolder::hold(const std::string& id) const {
  const FileLock lock_now = lock();
  const std::string in_use = join_path(path_of(id), kInUseFile);
  RealFiles().make_dirs(path_of(id));
  // Held exclusively only under the lock, so it is free.
  auto held = FileLock::try_for(in_use, LockMode::kShared, 0.0, clock_);
  if (!held.has_value()) {
    throw IoError(str_cat("'", in_use, "' is locked by another program"));
  }
  std::error_code ignored;  // Only the order of removal depends on it.
  fs::last_write_time(in_use, fs::file_time_type::clock::now(), ignored);
  remove_leftovers();
  return *std::move(held);
}

void StageFolder::remove_leftovers() const {
  for (const StagedDir& staged : staged_dirs(dir_)) {
    for (const std::string& name : RealFiles().list_dir(staged.path)) {
      if (!name.ends_with(kTmpSuffix)) {
        continue;
      }
      const std::string tmp = join_path(staged.path, name);
      const std::string final_path =
          tmp.substr(0, tmp.size() - std::string_view(kTmpSuffix).size());
      if (FileLock::try_for(final_path + kLockSuffix, LockMode::kExclusive, 0.0,
                            clock_)) {
        RealFiles().remove_all(tmp);
      }
    }
  }
}

bool StageFolder::make_room(int64_t bytes) const {
  int64_t used = bytes_below(dir_);
  std::vector<FileLock> locks;
  std::vector<std::string> victims;
  for (const StagedDir& staged : staged_dirs(dir_)) {
    if (bytes <= max_bytes_ - used) {
      break;
    }
    auto unused = FileLock::try_for(join_path(staged.path, kInUseFile),
                                    LockMode::kExclusive, 0.0, clock_);
    if (unused.has_value()) {
      locks.push_back(*std::move(unused));
      victims.push_back(staged.path);
      used -= bytes_below(staged.path);
    }
  }
  if (bytes > max_bytes_ - used) {
    return false;
  }
  for (const std::string& path : victims) {
    log_info(str_cat("removed '", path, "' from the stage: nobody uses it"));
    RealFiles().remove_all(path);
  }
  return true;
}

std::optional<FileDescriptor> StageFolder::reserve(const std::string& path,
                                                   int64_t bytes) const {
  const FileLock lock_now = lock();
  if (!make_room(bytes)) {
    return std::nullopt;
  }
  FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  allocate(file, bytes);
  return file;
}

void StageFolder::publish(const std::string& from,
                          const std::string& to) const {
  const FileLock lock_now = lock();
  RealFiles().rename_durable(from, to);
}

}  // namespace voxlift::sharding
