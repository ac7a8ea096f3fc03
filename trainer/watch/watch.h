#pragma once
// Who is alive, who is stuck, who is slow: a thread in every rank that speaks
// with rank 0 over TCP, beside MPI and NCCL. docs/failures.md.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "trainer/comm/communicator.h"
#include "trainer/watch/phase_board.h"
#include "trainer/watch/watch_config.h"

namespace voxlift::trainer {

// Ends the process, because ranks are lost and collectives cannot be trusted
// any more: writes `line` where it is not empty (else another rank does), and
// leaves with `code` without another look at MPI. Called on the watch's thread,
// at most once; returns in tests only.
using EndRun = std::function<void(int code, const std::string& line)>;

// The watch of one rank over a run.
//
// Heartbeats go from every rank to rank 0 and back, on a connection each (a
// star: rank 0 holds one descriptor a rank). Rank 0 judges (see Roster), says
// who is lost in one line, tells the others, and all end. If rank 0 itself is
// lost, the lowest other rank says so; one on another host, if that is gone,
// too, 3 s later; any other 6 s later.
class Watch {
 public:
  // COLLECTIVE over `control`, before its deadlines matter. Null, on all ranks,
  // for a single rank, for comm.heartbeat_s = 0, and where a rank cannot reach
  // rank 0 (a warning names it). Throws ConfigError for an interface that rank
  // 0 does not have. `clock` must outlive the watch.
  static std::unique_ptr<Watch> start(const WatchConfig& config,
                                      const CommConfig& comm,
                                      Communicator& control, const Clock& clock,
                                      EndRun end_run);

  // Without finish(): tells the others that this rank has failed and will end
  // them; they wait 10 s for that before they end themselves.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  PhaseBoard& board();

  // How long a CommError is to be held back, so that the watch speaks first.
  double hold_s() const;

  // Lines for log.jsonl since the last call: {"type": "straggler", ...}. Rank 0
  // only; empty elsewhere. Any thread.
  std::vector<Json> take_events();

  // One line for each rank that was slow, with its worst figures.
  std::vector<std::string> summary() const;

  // Says goodbye: this rank has done its work. Waits for nobody.
  void finish();

 private:
  struct Impl;
  explicit Watch(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::trainer
