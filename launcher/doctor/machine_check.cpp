#include "launcher/doctor/machine_check.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr int64_t kMiB = 1 << 20;
// One descriptor a shard, and those of MPI.
constexpr int64_t kLeastOpenFiles = 4096;
// What Open MPI's ranks of one host exchange goes through /dev/shm.
constexpr int64_t kLeastShm = 256 * kMiB;
constexpr int64_t kLeastMemory = 1024 * kMiB;

int64_t hard_limit(decltype(RLIMIT_NOFILE) what) {
  rlimit limit{};
  ::getrlimit(what, &limit);
  return limit.rlim_max == RLIM_INFINITY ? -1
                                         : static_cast<int64_t>(limit.rlim_max);
}

int64_t free_bytes(const char* path) {
  struct statvfs info {};

  return ::statvfs(path, &info) == 0
             ? static_cast<int64_t>(info.f_bavail * info.f_frsize)
             : 0;
}

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> interfaces_up() {
  std::vector<std::string> found;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    return found;
  }
  for (const ifaddrs* item = first; item != nullptr; item = item->ifa_next) {
    const bool is_up = (item->ifa_flags & IFF_UP) != 0 &&
                       (item->ifa_flags & IFF_LOOPBACK) == 0;
    if (is_up && item->ifa_addr != nullptr &&
        item->ifa_addr->sa_family == AF_INET) {
      std::array<char, INET_ADDRSTRLEN> address{};
      const auto* in = reinterpret_cast<const sockaddr_in*>(item->ifa_addr);
      ::inet_ntop(AF_INET, &in->sin_addr, address.data(), address.size());
      found.push_back(str_cat(item->ifa_name, " ", address.data()));
    }
  }
  ::freeifaddrs(first);
  return found;
}

bool has_infiniband() {
  std::error_code error;
  return !std::filesystem::is_empty("/sys/class/infiniband", error) && !error;
}

std::string bytes_text(int64_t bytes) {
  return bytes < 0 ? "unlimited" : human_bytes(static_cast<double>(bytes));
}

// `finding` with problem and remedy where `bad`.
Finding judged(Finding finding, bool bad, const std::string& problem,
               const std::string& remedy) {
  if (bad) {
    finding.problem = problem;
    finding.remedy = remedy;
  }
  return finding;
}

Findings check_limits(const MachineFacts& facts) {
  return {
      judged(
          {"machine", "open files",
           facts.max_open_files < 0 ? "unlimited"
                                    : std::to_string(facts.max_open_files),
           "", ""},
          facts.max_open_files >= 0 && facts.max_open_files < kLeastOpenFiles,
          str_cat("fewer than ", kLeastOpenFiles,
                  ": a data set keeps one file per shard open"),
          "raise the hard limit nofile (/etc/security/limits.conf; "
          "LimitNOFILE of slurmd)"),
      judged({"machine", "locked memory", bytes_text(facts.max_locked_memory),
              "", ""},
             facts.has_infiniband && facts.max_locked_memory >= 0,
             "InfiniBand needs locked memory without a limit",
             "raise memlock (/etc/security/limits.conf; LimitMEMLOCK of "
             "slurmd)"),
      judged({"machine", "/dev/shm free", bytes_text(facts.shm_free), "", ""},
             facts.shm_free < kLeastShm,
             str_cat("less than ", bytes_text(kLeastShm),
                     ": ranks of one host exchange gradients there"),
             "remove what killed programs have left there, or enlarge it "
             "(mount -o remount,size=...; --shm-size of a container)")};
}

}  // namespace

int64_t meminfo_bytes(const std::string& text, const std::string& key) {
  for (const std::string& line : str_split(text, '\n')) {
    if (line.starts_with(key + ":")) {
      int64_t kib = 0;
      std::istringstream(line.substr(key.size() + 1)) >> kib;
      return kib * 1024;
    }
  }
  return 0;
}

MachineFacts read_machine_facts() {
  const std::string memory = text_of("/proc/meminfo");
  return {.num_cores = std::max(1U, std::thread::hardware_concurrency()),
          .memory_total = meminfo_bytes(memory, "MemTotal"),
          .memory_available = meminfo_bytes(memory, "MemAvailable"),
          .max_open_files = hard_limit(RLIMIT_NOFILE),
          .max_locked_memory = hard_limit(RLIMIT_MEMLOCK),
          .shm_free = free_bytes("/dev/shm"),
          .has_infiniband = has_infiniband(),
          .interfaces = interfaces_up()};
}

Findings check_machine(const MachineFacts& facts) {
  Findings findings = {
      {"machine", "cores", std::to_string(facts.num_cores), "", ""},
      judged({"machine", "memory",
              str_cat(bytes_text(facts.memory_available), " available of ",
                      bytes_text(facts.memory_total)),
              "", ""},
             facts.memory_available < kLeastMemory,
             str_cat("less than ", bytes_text(kLeastMemory), " available"),
             "end other programs, or start fewer ranks on this host")};
  const Findings limits = check_limits(facts);
  findings.insert(findings.end(), limits.begin(), limits.end());
  // More than one is no problem, but a choice.
  findings.push_back({"network", "interfaces",
                      facts.interfaces.empty()
                          ? "loopback only"
                          : str_join(facts.interfaces, ", "),
                      "", ""});
  return findings;
}

}  // namespace voxlift::launcher
