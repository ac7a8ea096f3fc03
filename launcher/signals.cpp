#include "launcher/signals.h"

#include <atomic>

#include "base/error.h"

namespace voxlift::launcher {
namespace {

// A handler reaches nothing but globals.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> last_signal_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void remember_signal(int number) {
  last_signal_seen.store(number);
}

}  // namespace

StopSignals::StopSignals() {
  last_signal_seen.store(0);

  struct sigaction action {};

  action.sa_handler = remember_signal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    const int failed = ::sigaction(kSignals[i], &action, &before_[i]);
    VOXLIFT_CHECK(failed == 0, "sigaction");
  }
}

void StopSignals::ignore_from_now() {
  ignored_ = true;
  for (const int number : kSignals) {
    ::signal(number, SIG_IGN);
  }
}

StopSignals::~StopSignals() {
  if (ignored_) {
    return;
  }
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &before_[i], nullptr);
  }
}

bool StopSignals::requested() const {
  return last_signal() != 0;
}

int StopSignals::last_signal() const {
  return last_signal_seen.load();
}

}  // namespace voxlift::launcher
