#include "base/isolated.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift {
namespace {

constexpr int64_t kMessageBytes = 512;
constexpr int kThrew = 3;  // Exit code of a child whose message is there.

// Memory that parent and child share: a message, then the bytes.
class SharedMemory {
 public:
  explicit SharedMemory(int64_t num_bytes)
      : size_(static_cast<size_t>(num_bytes + kMessageBytes)),
        data_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (data_ == MAP_FAILED) {
      throw_io_error("cannot map shared memory for", "a child", errno);
    }
  }

  ~SharedMemory() { ::munmap(data_, size_); }

  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  char* message() const { return static_cast<char*>(data_); }

  std::span<std::byte> bytes() const {
    return std::span(static_cast<std::byte*>(data_), size_)
        .subspan(kMessageBytes);
  }

 private:
  size_t size_;
  void* data_;
};

void prepare_child(int cpu_limit_s) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number :
       {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU, SIGTERM, SIGINT}) {
    ::signal(number, SIG_DFL);
  }
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const auto seconds = static_cast<rlim_t>(cpu_limit_s);
  const rlimit cpu = {seconds, seconds + 1};
  ::setrlimit(RLIMIT_CPU, &cpu);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
}

[[noreturn]] void run_child(
    const SharedMemory& shared, int cpu_limit_s,
    const std::function<void(std::span<std::byte>)>& fill) {
  prepare_child(cpu_limit_s);
  try {
    fill(shared.bytes());
    ::_exit(0);
  } catch (const std::exception& error) {
    std::strncpy(shared.message(), error.what(), kMessageBytes - 1);
  } catch (...) {
    std::strncpy(shared.message(), "unknown exception", kMessageBytes - 1);
  }
  ::_exit(kThrew);
}

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      throw_io_error("cannot wait for", "a child process", errno);
    }
  }
  return status;
}

void check_status(int status, const SharedMemory& shared, int cpu_limit_s) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    throw DataError(
        number == SIGXCPU || number == SIGKILL
            ? str_cat("stopped after ", cpu_limit_s, " s of processor time")
            : str_cat("crashed with signal ", number, " (", ::strsignal(number),
                      ")"));
  }
  if (WEXITSTATUS(status) == kThrew) {
    throw DataError(shared.message());
  }
  VOXLIFT_CHECK(WEXITSTATUS(status) == 0,
                str_cat("a child ended with exit code ", WEXITSTATUS(status)));
}

}  // namespace

std::vector<std::byte> run_isolated(
    int64_t num_bytes, int cpu_limit_s,
    const std::function<void(std::span<std::byte>)>& fill) {
  const SharedMemory shared(num_bytes);
  const int pid = ::fork();
  if (pid < 0) {
    throw_io_error("cannot fork", "a child process", errno);
  }
  if (pid == 0) {
    run_child(shared, cpu_limit_s, fill);
  }
  check_status(wait_for(pid), shared, cpu_limit_s);
  const auto bytes = shared.bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace voxlift
