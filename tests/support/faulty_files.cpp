#include "tests/support/faulty_files.h"

#include "base/error.h"

namespace voxlift::test {

void FaultyFiles::write_durable(
    const std::string& path,
    std::span<const std::span<const std::byte>> pieces) {
  count_operation("cannot write", path);
  std::vector<std::span<const std::byte>> kept;
  for (const auto& piece : pieces) {
    const auto size = static_cast<int64_t>(piece.size());
    if (plan_.cut_at_byte >= 0 && num_bytes_ + size > plan_.cut_at_byte) {
      kept.push_back(
          piece.first(static_cast<size_t>(plan_.cut_at_byte - num_bytes_)));
      RealFiles::write_durable(path, kept);
      fail("cannot write", path);
    }
    num_bytes_ += size;
    kept.push_back(piece);
  }
  RealFiles::write_durable(path, kept);
}

void FaultyFiles::preallocate(const std::string& path, int64_t bytes) {
  count_operation("cannot take space for", path);
  RealFiles::preallocate(path, bytes);
}

void FaultyFiles::write_at_durable(const std::string& path, int64_t offset,
                                   std::span<const std::byte> bytes) {
  count_operation("cannot write", path);
  const auto size = static_cast<int64_t>(bytes.size());
  if (plan_.cut_at_byte >= 0 && num_bytes_ + size > plan_.cut_at_byte) {
    RealFiles::write_at_durable(
        path, offset,
        bytes.first(static_cast<size_t>(plan_.cut_at_byte - num_bytes_)));
    fail("cannot write", path);
  }
  num_bytes_ += size;
  RealFiles::write_at_durable(path, offset, bytes);
}

void FaultyFiles::rename_durable(const std::string& from,
                                 const std::string& to) {
  count_operation("cannot rename to", to);
  RealFiles::rename_durable(from, to);
}

void FaultyFiles::make_dirs(const std::string& path) {
  count_operation("cannot make the folder", path);
  RealFiles::make_dirs(path);
}

void FaultyFiles::remove_all(const std::string& path) {
  count_operation("cannot remove", path);
  RealFiles::remove_all(path);
}

void FaultyFiles::count_operation(const std::string& operation,
                                  const std::string& path) {
  const int64_t index = num_operations_++;
  if (index == plan_.fail_operation || (faulted_ && plan_.stay_down)) {
    fail(operation, path);
  }
}

void FaultyFiles::fail(const std::string& operation, const std::string& path) {
  faulted_ = true;
  throw_io_error(operation, path, plan_.errno_value);
}

}  // namespace voxlift::test
