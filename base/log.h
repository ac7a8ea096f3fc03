#pragma once
// Logging through glog, every line with rank and step.

#include <cstdint>
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

// Any thread. `file` and `line` are the caller's; do not pass them.
// (std::source_location needs a newer clang than Debian's.)
void log_info(const std::string& message, const char* file = __builtin_FILE(),
              int line = __builtin_LINE());
void log_warning(const std::string& message,
                 const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());
void log_error(const std::string& message, const char* file = __builtin_FILE(),
               int line = __builtin_LINE());

}  // namespace voxlift
