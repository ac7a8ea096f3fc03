#pragma once
// Time, injected so that tests decide what it is.

#include <chrono>

namespace voxlift {

// Monotonic time. Any thread.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Seconds since an arbitrary start; never goes back.
  virtual double now_s() const = 0;
};

class RealClock : public Clock {
 public:
  double now_s() const override {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

// A clock that stands still until a test moves it. One thread.
class FakeClock : public Clock {
 public:
  double now_s() const override { return now_s_; }

  void advance(double seconds) { now_s_ += seconds; }

 private:
  double now_s_ = 0.0;
};

}  // namespace voxlift
