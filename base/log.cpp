#include "base/log.h"

#include <glog/logging.h>

#include <atomic>

#include "base/strings.h"

namespace voxlift {
namespace {

// The one process-wide state of voxlift, as glog itself is: who is speaking.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> log_rank{-1};
std::atomic<int64_t> log_step{-1};

// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

std::string prefix() {
  std::string text;
  if (const int rank = log_rank.load(); rank >= 0) {
    text += str_cat("r", rank, " ");
  }
  if (const int64_t step = log_step.load(); step >= 0) {
    text += str_cat("s", step, " ");
  }
  return text;
}

void write(google::LogSeverity severity, const std::string& message,
           const char* file, int line) {
  google::LogMessage(file, line, severity).stream() << prefix() << message;
}

}  // namespace

void init_logging(const char* program, const LogConfig& config) {
  FLAGS_minloglevel = static_cast<int>(config.min_level);
  FLAGS_logtostderr = config.dir.empty();
  FLAGS_alsologtostderr = !config.dir.empty();
  FLAGS_log_dir = config.dir;
  google::InitGoogleLogging(program);
}

void set_log_rank(int rank) {
  log_rank.store(rank);
}

void set_log_step(int64_t step) {
  log_step.store(step);
}

void log_info(const std::string& message, const char* file, int line) {
  write(google::GLOG_INFO, message, file, line);
}

void log_warning(const std::string& message, const char* file, int line) {
  write(google::GLOG_WARNING, message, file, line);
}

void log_error(const std::string& message, const char* file, int line) {
  write(google::GLOG_ERROR, message, file, line);
}

}  // namespace voxlift
