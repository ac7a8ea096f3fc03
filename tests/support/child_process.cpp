#include "tests/support/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/error.h"

namespace voxlift::test {
namespace {

std::string content_of(int fd) {
  std::string text;
  text.resize(static_cast<size_t>(::lseek(fd, 0, SEEK_END)));
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

int memory_file(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) {
    throw_io_error("cannot make a memory file", name, errno);
  }
  // Appending: two processes that write to it do not overwrite each other.
  ::fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) {
    all.push_back(const_cast<char*>(text.c_str()));
  }
  all.push_back(nullptr);
  return all;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv,
                           const std::vector<std::string>& env)
    : out_fd_(memory_file("out")), err_fd_(memory_file("err")) {
  std::vector<char*> arguments = pointers(argv);
  std::vector<char*> additions = pointers(env);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::dup2(out_fd_, STDOUT_FILENO);
    ::dup2(err_fd_, STDERR_FILENO);
    for (char* addition : additions) {
      if (addition != nullptr) {
        ::putenv(addition);
      }
    }
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_fd_);
  ::close(err_fd_);
}

void ChildProcess::signal(int number) const {
  ::kill(pid_, number);
}

ChildResult ChildProcess::wait(double timeout_s) {
  ChildResult result;
  int status = 0;
  result.timed_out = !eventually(
      [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, timeout_s);
  if (result.timed_out) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  result.exit_code =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.out = content_of(out_fd_);
  result.err = content_of(err_fd_);
  return result;
}

std::string ChildProcess::err_so_far() const {
  return content_of(err_fd_);
}

ChildResult run_program(const std::vector<std::string>& argv,
                        const std::vector<std::string>& env, double timeout_s) {
  ChildProcess child(argv, env);
  return child.wait(timeout_s);
}

namespace internal {

void short_pause() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

double now_s() {
  return RealClock().now_s();
}

}  // namespace internal
}  // namespace voxlift::test
