#pragma once
// A file system that fails where a test wants it to.

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace voxlift::test {

struct FaultPlan {
  // The changing operation (write, preallocate, rename, make_dirs, remove_all),
  // counted from 0, that does nothing and fails; negative: none.
  int64_t fail_operation = -1;
  // Bytes, over all writes, after which the disk is full: the write that
  // crosses it leaves the part before and fails; negative: never.
  int64_t cut_at_byte = -1;
  int errno_value = ENOSPC;
  // After the first fault everything that changes fails, as if the process had
  // been killed there.
  bool stay_down = false;
};

// Real files below a plan of faults; reading is never touched. One thread.
class FaultyFiles : public RealFiles {
 public:
  explicit FaultyFiles(const FaultPlan& plan) : plan_(plan) {}

  void write_durable(
      const std::string& path,
      std::span<const std::span<const std::byte>> pieces) override;
  void preallocate(const std::string& path, int64_t bytes) override;
  void write_at_durable(const std::string& path, int64_t offset,
                        std::span<const std::byte> bytes) override;
  void rename_durable(const std::string& from, const std::string& to) override;
  void make_dirs(const std::string& path) override;
  void remove_all(const std::string& path) override;

  // Changing operations asked for so far: run once without a fault to learn
  // how many there are, then fail each of them in turn.
  int64_t num_operations() const { return num_operations_; }

  int64_t num_bytes() const { return num_bytes_; }

  bool faulted() const { return faulted_; }

 private:
  void count_operation(const std::string& operation, const std::string& path);
  [[noreturn]] void fail(const std::string& operation, const std::string& path);

  FaultPlan plan_;
  int64_t num_operations_ = 0;
  int64_t num_bytes_ = 0;
  bool faulted_ = false;
};

}  // namespace voxlift::test
