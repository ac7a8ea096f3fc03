#include "base/process_memory.h"

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift {
namespace {

constexpr const char* kStatus = "/proc/self/status";

// "VmRSS:     12345 kB" in `status`, in bytes.
int64_t memory_line(const std::vector<std::string>& status,
                    const std::string& key) {
  for (const std::string& line : status) {
    if (line.starts_with(key)) {
      const std::string rest = str_trim(line.substr(key.size()));
      const auto kilobytes = parse_int(rest.substr(0, rest.find(' ')));
      if (kilobytes.has_value()) {
        return *kilobytes * 1024;
      }
    }
  }
  throw DataError(str_cat("'", kStatus, "' has no number after ", key));
}

}  // namespace

ProcessMemory process_memory() {
  std::ifstream file(kStatus);
  std::vector<std::string> status;
  for (std::string line; std::getline(file, line);) {
    status.push_back(line);
  }
  return {memory_line(status, "VmRSS:"), memory_line(status, "VmHWM:")};
}

bool restart_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return static_cast<bool>(file);
}

}  // namespace voxlift
