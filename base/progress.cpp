#include "base/progress.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

#include "base/strings.h"

namespace voxlift {
namespace {

constexpr double kTerminalIntervalS = 0.2;
constexpr double kLogIntervalS = 10.0;

}  // namespace

ProgressLine::ProgressLine(std::string name, std::string unit, int64_t total,
                           bool quiet, const Clock& clock)
    : name_(std::move(name)),
      unit_(std::move(unit)),
      total_(total),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) != 0),
      clock_(clock),
      interval_s_(terminal_ ? kTerminalIntervalS : kLogIntervalS) {}

void ProgressLine::update(int64_t done, const std::string& extra) {
  const double now = clock_.now_s();
  done_ = done;
  if (first_done_ < 0) {
    first_done_ = done;
    first_s_ = now;
    shown_s_ = now;
    return;
  }
  if (!quiet_ && now - shown_s_ >= interval_s_) {
    shown_s_ = now;
    show(extra);
  }
}

void ProgressLine::finish(const std::string& extra) {
  if (!quiet_) {
    show(extra);
    if (terminal_) {
      std::fputc('\n', stderr);
    }
  }
}

double ProgressLine::rate() const {
  const double elapsed = clock_.now_s() - first_s_;
  return first_done_ < 0 || elapsed <= 0.0
             ? 0.0
             : static_cast<double>(done_ - first_done_) / elapsed;
}

std::string ProgressLine::format(const std::string& extra) const {
  const double per_second = rate();
  const double percent = total_ > 0 ? 100.0 * static_cast<double>(done_) /
                                          static_cast<double>(total_)
                                    : 100.0;
  std::array<char, 96> head{};
  std::snprintf(head.data(), head.size(), "  %lld/%lld  %.0f%%  %.1f %s/s",
                static_cast<long long>(done_), static_cast<long long>(total_),
                percent, per_second, unit_.c_str());
  std::string line = name_ + head.data();
  if (done_ < total_ && per_second > 0.0) {
    line += "  ETA " +
            human_duration(static_cast<double>(total_ - done_) / per_second);
  }
  return extra.empty() ? line : line + "  " + extra;
}

void ProgressLine::show(const std::string& extra) {
  const std::string line = format(extra);
  // "\033[K" erases what a longer line before has left.
  std::fprintf(stderr, terminal_ ? "\r%s\033[K" : "%s\n", line.c_str());
  std::fflush(stderr);
}

}  // namespace voxlift
