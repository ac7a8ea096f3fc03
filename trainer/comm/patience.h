#pragma once
// How a rank waits for others, and how long.

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Waits by asking again and again: first without giving up the core, then
// yielding it, then with naps that grow, so that whoever computes on this core
// gets it. The wait before the first success may be longer (CommConfig).
//
// Threads: one waits; interrupt() from any.
class Patience {
 public:
  // `who` is named in errors: "rank 3 on node7".
  Patience(const CommConfig& config, std::string who);

  // The next wait counts as the first again.
  void set_deadlines(const CommConfig& config);

  // Makes the wait under way and every later one throw CommError.
  void interrupt() noexcept { interrupted_.store(true); }

  // Returns when `done` does. Throws CommError naming `operation` and the
  // seconds waited when the deadline passes; `missing`, if given, tells more.
  // `done` throws what it likes.
  void wait(const std::function<bool()>& done, const std::string& operation,
            const std::function<std::string()>& missing = nullptr);

  // For what comes in parts over milliseconds: never holds the core. `advance`
  // tells the share, 0 to 1, of what may be under way at once that has come
  // since its last call, and nothing when all is there; naps grow and shrink so
  // that about a quarter comes in each. The deadline is for a part to come.
  void wait_for_parts(const std::function<std::optional<double>()>& advance,
                      const std::string& operation);

 private:
  void check_interrupted(const std::string& operation) const;
  double limit_s() const;
  [[noreturn]] void give_up(const std::string& operation,
                            const std::string& missing) const;

  CommConfig config_;
  std::string who_;
  RealClock clock_;
  bool first_ = true;
  std::atomic<bool> interrupted_{false};
};

}  // namespace voxlift::trainer
