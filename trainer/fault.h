#pragma once
// Deliberate failures, for tests and for rehearsing a recovery.

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::trainer {

// One failure: what, on which rank, before which step.
struct Fault {
  enum class Kind {
    kKill,     // SIGKILL to itself.
    kHang,     // SIGSTOP to itself: not even its heartbeats come.
    kSpin,     // Its training thread goes on for ever; its heartbeats come.
    kSlow,     // From this step on, `factor` times as long in each step.
    kExit,     // Leaves with exit code `code`, without a word.
    kCorrupt,  // Flips one bit in the newest checkpoint.
    kEnospc,   // No room for the checkpoints of steps [step, step + steps).
    kNan       // The losses of this step are NaN.
  };
  Kind kind = Kind::kKill;
  int64_t step = 0;
  int64_t rank = 0;
  double factor = 3.0;  // kSlow.
  int64_t code = 1;     // kExit.
  int64_t steps = 1;    // kEnospc.
  std::string text;     // As it was given.
};

// "" is none; else "KIND@step=S,rank=R" with factor=F (slow), code=C (exit),
// what=checkpoint (corrupt) or steps=N (enospc) behind it where wanted;
// several are separated by ';'. Throws ConfigError naming `key`.
std::vector<Fault> parse_faults(const std::string& text,
                                const std::string& key);

// The failures of one rank. Each happens once a run: the file
// out/fault_fired.K is made before the K-th of the list and keeps a restarted
// run from failing again; slow and enospc need none. One thread.
class Faults {
 public:
  // `out`: the run's folder.
  Faults(std::vector<Fault> faults, int rank, std::string out);

  // Before step `step`. May not return.
  void begin_step(int64_t step);
  // After it; `own_s`: what it took, without waiting for other ranks. A slow
  // rank sleeps by this measure in its next step.
  void end_step(double own_s);

  // Are this rank's losses of `step` to be NaN? True once.
  bool poisons(int64_t step);

 private:
  bool is_due(size_t index, int64_t step) const;
  bool fire_once(size_t index);
  void fail(const Fault& fault);
  void be_slow(double factor);
  void corrupt_newest_checkpoint() const;

  std::vector<Fault> faults_;
  int rank_;
  std::string out_;
  double work_s_ = 0.0;  // Of the step before, without the sleep in it.
  double slept_s_ = 0.0;
};

}  // namespace voxlift::trainer
