#include "launcher/launch/rank_group.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr int kPollMs = 20;
constexpr double kKillTimeoutS = 10.0;

std::vector<char*> c_strings(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Runs between fork and exec: system calls only.
[[noreturn]] void become_child(char* const* argv, char* const* environment,
                               const sigset_t& mask, int error_fd) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(error_fd, &error, sizeof(error));
  ::_exit(127);
}

struct ProcessStat {
  char state = '?';
  int parent = -1;
  int session = -1;
};

// Nothing if the process is gone.
std::optional<ProcessStat> read_stat(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');  // The name may hold anything.
  if (!file || name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(line.substr(name_end + 1));
  ProcessStat stat;
  int group = 0;
  fields >> stat.state >> stat.parent >> group >> stat.session;
  return stat;
}

}  // namespace

RankGroup::RankGroup(const std::vector<std::string>& argv,
                     const std::vector<std::string>& environment,
                     const sigset_t& mask) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::vector<char*> arguments = c_strings(argv);
  const std::vector<char*> variables = c_strings(environment);
  std::array<int, 2> error_pipe{};
  if (::pipe2(error_pipe.data(), O_CLOEXEC) != 0) {
    throw_io_error("cannot make a pipe for", argv[0], errno);
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    become_child(arguments.data(), variables.data(), mask, error_pipe[1]);
  }
  const int fork_error = errno;
  ::close(error_pipe[1]);
  int error = 0;
  const ssize_t n = pid_ > 0 ? ::read(error_pipe[0], &error, sizeof(error)) : 0;
  ::close(error_pipe[0]);
  if (pid_ < 0) {
    throw_io_error("cannot fork for", argv[0], fork_error);
  }
  if (n > 0) {
    ::waitpid(pid_, nullptr, 0);
    throw ConfigError(
        str_cat("cannot run '", argv[0], "': ", std::strerror(error)));
  }
}

RankGroup::~RankGroup() {
  kill_all();
}

std::optional<int> RankGroup::try_wait() {
  int status = 0;
  int ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended == pid_) {
      exit_code_ =
          WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
  return exit_code_;
}

void RankGroup::signal(int number) const {
  if (!exit_code_) {
    ::kill(pid_, number);
  }
}

std::vector<int> RankGroup::members() {
  std::vector<int> pids;
  for (const std::string& name : RealFiles().list_dir("/proc")) {
    const std::optional<int64_t> pid = parse_int(name);
    const std::optional<ProcessStat> stat =
        pid ? read_stat(name) : std::nullopt;
    if (stat && stat->state != 'Z' &&
        (stat->session == pid_ || stat->parent == ::getpid())) {
      pids.push_back(static_cast<int>(*pid));
    }
  }
  return pids;
}

int RankGroup::kill_all() {
  const RealClock clock;
  const double end_s = clock.now_s() + kKillTimeoutS;
  int num_killed = 0;
  // Children of the killed are adopted and come up in the next round.
  for (std::vector<int> left = members();
       !left.empty() && clock.now_s() < end_s; left = members()) {
    for (const int pid : left) {
      ::kill(pid, SIGKILL);
    }
    num_killed = std::max(num_killed, static_cast<int>(left.size()));
    ::poll(nullptr, 0, kPollMs);
    try_wait();
  }
  try_wait();
  return num_killed;
}

bool RankGroup::is_gone_within(double timeout_s) {
  const RealClock clock;
  const double end_s = clock.now_s() + timeout_s;
  try_wait();
  while (!members().empty()) {
    if (clock.now_s() > end_s) {
      return false;
    }
    ::poll(nullptr, 0, kPollMs);
    try_wait();
  }
  return true;
}

}  // namespace voxlift::launcher
