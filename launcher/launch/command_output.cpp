#include "launcher/launch/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/clock.h"

namespace voxlift::launcher {
namespace {

constexpr int kCannotRun = 127;
constexpr int kPollMs = 10;

// Runs between fork and exec: system calls only.
[[noreturn]] void become_program(char* const* argv, int output_fd) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input_fd, STDIN_FILENO);
  ::dup2(output_fd, STDOUT_FILENO);
  ::dup2(output_fd, STDERR_FILENO);
  ::execvp(argv[0], argv);
  ::_exit(kCannotRun);
}

// Appends what is there; waits a moment where nothing is.
void read_some(int fd, std::string* text) {
  pollfd ready{fd, POLLIN, 0};
  if (::poll(&ready, 1, kPollMs) <= 0) {
    return;
  }
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n > 0) {
    text->append(buffer.data(), static_cast<size_t>(n));
  } else {
    ::poll(nullptr, 0, kPollMs);  // Closed, but not ended yet.
  }
}

// What is left in the pipe. Whoever the program has left behind may hold it
// open: no waiting for an end.
void read_rest(int fd, std::string* text) {
  size_t before = 0;
  do {
    before = text->size();
    read_some(fd, text);
  } while (text->size() > before);
}

// The exit code of `pid`; kCannotRun if it had to be killed.
int wait_reading(int pid, int fd, double timeout_s, std::string* text) {
  const RealClock clock;
  const double end_s = clock.now_s() + timeout_s;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (clock.now_s() > end_s) {
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return kCannotRun;
    }
    read_some(fd, text);
  }
  read_rest(fd, text);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::optional<CommandOutput> run_command(const std::vector<std::string>& argv,
                                         double timeout_s) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  std::transform(words.begin(), words.end(), std::back_inserter(pointers),
                 [](std::string& word) { return word.data(); });
  pointers.push_back(nullptr);
  std::array<int, 2> pipe_fds{};
  if (::pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
    return std::nullopt;
  }
  const int pid = ::fork();
  if (pid == 0) {
    become_program(pointers.data(), pipe_fds[1]);
  }
  ::close(pipe_fds[1]);
  CommandOutput output;
  output.exit_code =
      pid < 0 ? kCannotRun
              : wait_reading(pid, pipe_fds[0], timeout_s, &output.text);
  ::close(pipe_fds[0]);
  if (output.exit_code == kCannotRun) {
    return std::nullopt;
  }
  return output;
}

std::optional<std::string> answer_of(const std::vector<std::string>& argv,
                                     double timeout_s) {
  std::optional<CommandOutput> output = run_command(argv, timeout_s);
  if (!output || output->exit_code != 0) {
    return std::nullopt;
  }
  return std::move(output->text);
}

}  // namespace voxlift::launcher
