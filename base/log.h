#pragma once
// Logging through glog, every line with rank and step.

#include <cstdint>
#include <source_location>
#include <string>

namespace voxlift {

enum class LogLevel { kInfo = 0, kWarning = 1, kError = 2 };

struct LogConfig {
  LogLevel min_level = LogLevel::kInfo;
  // Folder for per-rank log files; empty logs to standard error only.
  std::string dir;
};

// Starts glog. Call once, in main, before any thread. `program` is argv[0].
void init_logging(const char* program, const LogConfig& config);

// Shown in front of every later line of this process ("r1 s120 message").
// A negative rank or step is left out. Any thread.
void set_log_rank(int rank);
void set_log_step(int64_t step);

// Any thread. `where` is the caller; do not pass it.
void log_info(const std::string& message,
              std::source_location where = std::source_location::current());
void log_warning(const std::string& message,
                 std::source_location where = std::source_location::current());
void log_error(const std::string& message,
               std::source_location where = std::source_location::current());

}  // namespace voxlift
