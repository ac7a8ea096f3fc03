#include "trainer/fault_files.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// NNNNNNNN of the last "step_NNNNNNNN" in `path`.
std::optional<int64_t> checkpoint_step(const std::string& path) {
  constexpr std::string_view kPrefix = "step_";
  constexpr size_t kDigits = 8;
  const size_t at = path.rfind(kPrefix);
  return at == std::string::npos
             ? std::nullopt
             : parse_int(path.substr(at + kPrefix.size(), kDigits));
}

}  // namespace

FaultFiles::FaultFiles(const std::vector<Fault>& faults, int rank) {
  std::copy_if(faults.begin(), faults.end(), std::back_inserter(full_),
               [rank](const Fault& fault) {
                 return fault.kind == Fault::Kind::kEnospc &&
                        fault.rank == rank;
               });
}

void FaultFiles::check_room(const std::string& path) const {
  const std::optional<int64_t> step = checkpoint_step(path);
  for (const Fault& fault : full_) {
    if (step && *step >= fault.step && *step < fault.step + fault.steps) {
      throw_io_error("write", path, ENOSPC);
    }
  }
}

void FaultFiles::write_durable(
    const std::string& path,
    std::span<const std::span<const std::byte>> pieces) {
  check_room(path);
  RealFiles::write_durable(path, pieces);
}

void FaultFiles::preallocate(const std::string& path, int64_t bytes) {
  check_room(path);
  RealFiles::preallocate(path, bytes);
}

void FaultFiles::write_at_durable(const std::string& path, int64_t offset,
                                  std::span<const std::byte> bytes) {
  check_room(path);
  RealFiles::write_at_durable(path, offset, bytes);
}

}  // namespace voxlift::trainer
