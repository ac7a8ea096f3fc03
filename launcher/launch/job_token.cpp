#include "launcher/launch/job_token.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr int kRounds = 100;
constexpr int kPollMs = 20;

// NAME=value entries, each ended by a zero byte; empty where the process is
// gone or somebody else's.
std::string environment_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/environ", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string make_job_token() {
  std::random_device random;
  const uint64_t high = random();
  return hex((high << 32U) | random(), 16);
}

std::vector<int> processes_of_job(const std::string& token) {
  const std::string entry =
      str_cat(kJobTokenVariable, "=", token) + std::string(1, '\0');
  std::vector<int> pids;
  for (const std::string& name : RealFiles().list_dir("/proc")) {
    const std::optional<int64_t> pid = parse_int(name);
    if (pid && *pid != ::getpid() &&
        environment_of(name).find(entry) != std::string::npos) {
      pids.push_back(static_cast<int>(*pid));
    }
  }
  return pids;
}

int end_job(const std::string& token) {
  int num_killed = 0;
  std::vector<int> left = processes_of_job(token);
  for (int round = 0; round < kRounds && !left.empty(); ++round) {
    for (const int pid : left) {
      ::kill(pid, SIGKILL);
    }
    num_killed = std::max(num_killed, static_cast<int>(left.size()));
    ::poll(nullptr, 0, kPollMs);
    left = processes_of_job(token);
  }
  return num_killed;
}

}  // namespace voxlift::launcher
