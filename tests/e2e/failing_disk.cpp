// pread(2) that fails with EIO, for LD_PRELOAD: on files whose path holds
// $FAIL_READS_OF, after $FAIL_READS_AFTER reads of them that went well.

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// The preloaded function reaches nothing but globals.
std::atomic<long> reads_seen{0};  // NOLINT

bool is_to_fail(int fd) {
  const char* part = std::getenv("FAIL_READS_OF");
  const char* after = std::getenv("FAIL_READS_AFTER");
  if (part == nullptr || after == nullptr) {
    return false;
  }
  std::array<char, 64> link{};
  std::array<char, 4096> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  return ::readlink(link.data(), path.data(), path.size() - 1) > 0 &&
         std::strstr(path.data(), part) != nullptr &&
         reads_seen.fetch_add(1) >= std::atol(after);
}

ssize_t read_or_fail(const char* name, int fd, void* data, size_t size,
                     off_t offset) {
  if (is_to_fail(fd)) {
    errno = EIO;
    return -1;
  }
  using Pread = ssize_t (*)(int, void*, size_t, off_t);
  const auto real = reinterpret_cast<Pread>(::dlsym(RTLD_NEXT, name));
  return real(fd, data, size, offset);
}

}  // namespace

extern "C" ssize_t pread(int fd, void* data, size_t size, off_t offset) {
  return read_or_fail("pread", fd, data, size, offset);
}

extern "C" ssize_t pread64(int fd, void* data, size_t size, off_t offset) {
  return read_or_fail("pread64", fd, data, size, offset);
}
