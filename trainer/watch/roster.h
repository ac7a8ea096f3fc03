#pragma once
// What is known of every rank, and who is missing.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "trainer/watch/phase_board.h"
#include "trainer/watch/watch_config.h"

namespace voxlift::trainer {

// Where a rank lives, for messages.
struct RankPlace {
  std::string host;
  int pid = 0;
};

// "rank 3 on node17 (process 4711)".
std::string describe_rank(int rank, const RankPlace& place);

// The table of the ranks that this rank hears of, and the judgement over it.
// No thread, no socket, no clock of its own: what it says follows from the
// calls and the clock. One thread.
//
// A rank is lost
//   at once, if its connection closed without a goodbye;
//   when nothing was heard of it for comm.silent_s;
//   when another has waited for it in an operation longer than the deadline:
//     comm.first_deadline_s until its first step is done, comm.long_deadline_s
//     while it evaluates or keeps a checkpoint and its heartbeats come,
//     comm.deadline_s else, and always where it is silent.
class Roster {
 public:
  // `places` of all ranks; `self` is the rank that keeps the table. Rank 0
  // hears of all, any other rank hears of rank 0 only and judges only that.
  Roster(std::vector<RankPlace> places, int self, const WatchConfig& config,
         const CommConfig& comm, const Clock& clock);

  // Also for `self`, before every judgement.
  void heard(int rank, const Standing& standing);
  // Its connection is closed; after left() that means nothing.
  void closed(int rank);
  // It has said goodbye.
  void left(int rank);
  // Does its host acknowledge what is sent to it? Told apart in the message.
  void set_host_answers(int rank, bool answers);
  // This process itself stood still for so long (suspended, starved): nobody is
  // blamed for what it has not heard meanwhile.
  void forgive(double seconds);

  // Ranks that have become silent, and that are heard again: one line each,
  // once. At most three lines a call, then a count.
  std::vector<std::string> news();

  struct Verdict {
    int rank = 0;             // Who is lost.
    std::string line;         // Which rank, host, step, phase, for how long.
    bool has_gone = false;    // Its connection closed.
    bool is_cut_off = false;  // Nothing comes from its host.
  };

  // The first loss there is.
  std::optional<Verdict> judge() const;

 private:
  struct Entry {
    Standing last;
    double heard_s = 0.0;
    double closed_s = 0.0;
    bool is_closed = false;
    bool has_left = false;
    bool is_watched = false;
    bool host_answers = true;
    bool told_silent = false;
  };

  struct Wait;

  double silence_s(const Entry& entry) const;
  bool is_quiet(const Entry& entry) const;
  bool may_judge(int rank) const;
  double limit_for(const Entry& missing) const;
  std::optional<Wait> longest_wait() const;
  std::optional<int> missing_rank() const;
  std::optional<Verdict> judge_closed() const;
  std::optional<Verdict> judge_silent() const;
  std::optional<Verdict> judge_wait() const;
  int64_t newest_step() const;
  std::string where(int rank) const;
  std::string silence_text(int rank) const;

  std::vector<RankPlace> places_;
  int self_;
  WatchConfig config_;
  CommConfig comm_;
  const Clock& clock_;
  double quiet_s_;
  double no_wait_judged_before_s_ = 0.0;
  std::vector<Entry> entries_;
};

}  // namespace voxlift::trainer
