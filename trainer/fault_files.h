#pragma once
// A disk that is full where run.fault says so.

#include <vector>

#include "base/files.h"
#include "trainer/fault.h"

namespace voxlift::trainer {

// The operating system's files, except that writing into the folder of a
// checkpoint (step_NNNNNNNN, with or without an ending) fails with ENOSPC while
// an enospc fault of this rank covers its step.
class FaultFiles : public RealFiles {
 public:
  FaultFiles(const std::vector<Fault>& faults, int rank);

  void write_durable(
      const std::string& path,
      std::span<const std::span<const std::byte>> pieces) override;
  void preallocate(const std::string& path, int64_t bytes) override;
  void write_at_durable(const std::string& path, int64_t offset,
                        std::span<const std::byte> bytes) override;

 private:
  // Throws IoError if the disk is full for `path`.
  void check_room(const std::string& path) const;

  std::vector<Fault> full_;
};

}  // namespace voxlift::trainer
