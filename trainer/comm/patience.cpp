#include "trainer/comm/patience.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// Asking MPI costs microseconds of a core on which somebody computes, and a
// bucket is on the wire for milliseconds: few turns without a nap, and naps of
// up to 0.8 ms, in which 1 Gbit/s moves 100 kB from one kernel to the other.
constexpr int64_t kSpins = 200;
constexpr int64_t kYields = 400;
constexpr int64_t kNapsPerDoubling = 32;
constexpr int64_t kMaxDoublings = 4;

void give_core_away(int64_t tries) {
  if (tries < kYields) {
    ::sched_yield();
    return;
  }
  const int64_t doublings =
      std::min((tries - kYields) / kNapsPerDoubling, kMaxDoublings);
  std::this_thread::sleep_for(
      std::chrono::microseconds(int64_t{50} << doublings));
}

using Microseconds = std::chrono::microseconds;
constexpr Microseconds kShortestNap{25};
constexpr Microseconds kLongestNap{800};

Microseconds next_nap(Microseconds nap, double share) {
  if (share > 0.4) {
    return std::max(nap / 2, kShortestNap);
  }
  return share < 0.15 ? std::min(nap * 2, kLongestNap) : nap;
}

}  // namespace

Patience::Patience(const CommConfig& config, std::string who)
    : config_(config), who_(std::move(who)) {}

void Patience::set_deadlines(const CommConfig& config) {
  config_ = config;
  first_ = true;
}

void Patience::check_interrupted(const std::string& operation) const {
  if (interrupted_.load()) {
    throw CommError(str_cat(operation, ": interrupted on ", who_));
  }
}

double Patience::limit_s() const {
  return first_ ? config_.first_deadline_s : config_.deadline_s;
}

void Patience::give_up(const std::string& operation,
                       const std::string& missing) const {
  throw CommError(
      str_cat(operation, ": ", who_, " has waited ", limit_s(), " s", missing));
}

void Patience::wait(const std::function<bool()>& done,
                    const std::string& operation,
                    const std::function<std::string()>& missing) {
  const double start_s = clock_.now_s();
  for (int64_t tries = 0; !done(); ++tries) {
    if (tries < kSpins) {
      continue;
    }
    check_interrupted(operation);
    give_core_away(tries);
    if (tries > kYields && clock_.now_s() - start_s > limit_s()) {
      give_up(operation, missing ? missing() : "");
    }
  }
  first_ = false;
}

void Patience::wait_for_parts(
    const std::function<std::optional<double>()>& advance,
    const std::string& operation) {
  double last_s = clock_.now_s();
  auto nap = kShortestNap;
  for (auto share = advance(); share.has_value(); share = advance()) {
    check_interrupted(operation);
    if (*share > 0.0) {
      last_s = clock_.now_s();
    } else if (clock_.now_s() - last_s > limit_s()) {
      give_up(operation, "");
    }
    nap = next_nap(nap, *share);
    std::this_thread::sleep_for(nap);
  }
  first_ = false;
}

}  // namespace voxlift::trainer
