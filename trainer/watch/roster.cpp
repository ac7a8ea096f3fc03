#include "trainer/watch/roster.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// A closed connection may be the first sign of an end that somebody else has
// ordered: the order reaches this process within this.
constexpr double kClosedGraceS = 0.2;

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", seconds);
  return text.data();
}

}  // namespace

std::string describe_rank(int rank, const RankPlace& place) {
  return str_cat("rank ", rank, " on ", place.host, " (process ", place.pid,
                 ")");
}

// The rank that has waited longest.
struct Roster::Wait {
  int rank = 0;
  double seconds = 0.0;
};

Roster::Roster(std::vector<RankPlace> places, int self,
               const WatchConfig& config, const CommConfig& comm,
               const Clock& clock)
    : places_(std::move(places)),
      self_(self),
      config_(config),
      comm_(comm),
      clock_(clock),
      quiet_s_(quiet_limit_s(beat_interval_s(config, comm))),
      entries_(places_.size()) {
  for (size_t r = 0; r < entries_.size(); ++r) {
    entries_[r].heard_s = clock.now_s();
    entries_[r].is_watched = self == 0 || r == 0 || static_cast<int>(r) == self;
  }
}

void Roster::heard(int rank, const Standing& standing) {
  Entry& entry = entries_.at(static_cast<size_t>(rank));
  entry.last = standing;
  entry.heard_s = clock_.now_s();
}

void Roster::closed(int rank) {
  Entry& entry = entries_.at(static_cast<size_t>(rank));
  if (!entry.is_closed) {
    entry.is_closed = true;
    entry.closed_s = clock_.now_s();
  }
}

void Roster::left(int rank) {
  entries_.at(static_cast<size_t>(rank)).has_left = true;
}

void Roster::set_host_answers(int rank, bool answers) {
  entries_.at(static_cast<size_t>(rank)).host_answers = answers;
}

void Roster::forgive(double seconds) {
  for (Entry& entry : entries_) {
    entry.heard_s += seconds;
  }
  no_wait_judged_before_s_ = clock_.now_s() + comm_.deadline_s;
}

double Roster::silence_s(const Entry& entry) const {
  return clock_.now_s() - entry.heard_s;
}

bool Roster::is_quiet(const Entry& entry) const {
  return entry.is_closed || silence_s(entry) > quiet_s_;
}

// ---- texts ----

std::string Roster::where(int rank) const {
  const auto r = static_cast<size_t>(rank);
  return describe_rank(rank, places_[r]);
}

int64_t Roster::newest_step() const {
  int64_t newest = 0;
  for (const Entry& entry : entries_) {
    newest = std::max(newest, entry.last.step);
  }
  return newest;
}

std::string Roster::silence_text(int rank) const {
  const Entry& entry = entries_[static_cast<size_t>(rank)];
  return str_cat(
      where(rank), " has been silent for ", seconds_text(silence_s(entry)),
      ", last heard at step ", entry.last.step, " in ",
      phase_name(entry.last.phase), " (",
      entry.host_answers
          ? "its host answers: the process is stopped or starved"
          : "its host does not answer: the host is down or the link is cut",
      ")");
}

std::vector<std::string> Roster::news() {
  constexpr size_t kMostLines = 3;
  std::vector<std::string> lines;
  for (size_t r = 0; r < entries_.size(); ++r) {
    Entry& entry = entries_[r];
    const int rank = static_cast<int>(r);
    const bool watched = entry.is_watched && rank != self_ && !entry.has_left &&
                         !entry.is_closed;
    if (!watched || is_quiet(entry) == entry.told_silent) {
      continue;
    }
    entry.told_silent = !entry.told_silent;
    lines.push_back(entry.told_silent ? silence_text(rank)
                                      : where(rank) + " is heard again");
  }
  if (lines.size() > kMostLines) {
    const std::string rest =
        str_cat("and ", lines.size() - kMostLines, " more such ranks");
    lines.resize(kMostLines);
    lines.push_back(rest);
  }
  return lines;
}

// ---- judgement ----

bool Roster::may_judge(int rank) const {
  const Entry& entry = entries_[static_cast<size_t>(rank)];
  return rank != self_ && entry.is_watched && !entry.has_left;
}

std::optional<Roster::Verdict> Roster::judge_closed() const {
  for (size_t r = 0; r < entries_.size(); ++r) {
    const Entry& entry = entries_[r];
    const int rank = static_cast<int>(r);
    if (may_judge(rank) && entry.is_closed &&
        clock_.now_s() - entry.closed_s >= kClosedGraceS) {
      return Verdict{
          rank,
          str_cat(where(rank), " is gone: its connection closed, last heard ",
                  seconds_text(silence_s(entry)), " ago at step ",
                  entry.last.step, " in ", phase_name(entry.last.phase),
                  "; the run is at step ", newest_step()),
          /*has_gone=*/true};
    }
  }
  return std::nullopt;
}

std::optional<Roster::Verdict> Roster::judge_silent() const {
  for (size_t r = 0; r < entries_.size(); ++r) {
    const int rank = static_cast<int>(r);
    if (may_judge(rank) && !entries_[r].is_closed &&
        silence_s(entries_[r]) > config_.silent_s) {
      return Verdict{rank,
                     str_cat(silence_text(rank), ": lost; the run is at step ",
                             newest_step()),
                     /*has_gone=*/false, !entries_[r].host_answers};
    }
  }
  return std::nullopt;
}

std::optional<Roster::Wait> Roster::longest_wait() const {
  std::optional<Wait> longest;
  for (size_t r = 0; r < entries_.size(); ++r) {
    const Entry& entry = entries_[r];
    const bool waits = entry.is_watched && !entry.has_left &&
                       !is_quiet(entry) &&
                       entry.last.operation != Operation::kNone;
    if (waits && (!longest || entry.last.wait_s > longest->seconds)) {
      longest = Wait{static_cast<int>(r), entry.last.wait_s};
    }
  }
  return longest;
}

// Silent before alive; outside of an operation before inside; then the one that
// has begun the fewest: the others wait for it, at first or second hand.
std::optional<int> Roster::missing_rank() const {
  std::optional<int> missing;
  const auto order = [this](int rank) {
    const Entry& entry = entries_[static_cast<size_t>(rank)];
    return std::tuple(!is_quiet(entry),
                      entry.last.operation != Operation::kNone,
                      entry.last.entered);
  };
  for (size_t r = 0; r < entries_.size(); ++r) {
    const int rank = static_cast<int>(r);
    const bool counts = entries_[r].is_watched && !entries_[r].has_left &&
                        (self_ == 0 || rank == 0);
    if (counts && (!missing || order(rank) < order(*missing))) {
      missing = rank;
    }
  }
  return missing;
}

double Roster::limit_for(const Entry& missing) const {
  if (is_quiet(missing)) {
    return comm_.deadline_s;
  }
  double limit_s = comm_.deadline_s;
  if (missing.last.steps_done == 0) {
    limit_s = std::max(limit_s, comm_.first_deadline_s);
  }
  if (is_long(missing.last.phase)) {
    limit_s = std::max(limit_s, config_.long_deadline_s);
  }
  return limit_s;
}

std::optional<Roster::Verdict> Roster::judge_wait() const {
  const std::optional<Wait> wait = longest_wait();
  const std::optional<int> rank = missing_rank();
  if (!wait || !rank || clock_.now_s() < no_wait_judged_before_s_) {
    return std::nullopt;
  }
  const Entry& missing = entries_[static_cast<size_t>(*rank)];
  const double limit_s = limit_for(missing);
  const bool quiet = is_quiet(missing);
  // What is alive is judged by rank 0, which sees all.
  if (wait->seconds < limit_s || (self_ != 0 && !quiet)) {
    return std::nullopt;
  }
  const Entry& waiting = entries_[static_cast<size_t>(wait->rank)];
  const std::string waiter =
      str_cat("rank ", wait->rank, " has waited ", seconds_text(wait->seconds),
              " in ", operation_name(waiting.last.operation), " at step ",
              waiting.last.step, " (deadline ", seconds_text(limit_s), ")");
  if (quiet) {
    return Verdict{*rank, str_cat(silence_text(*rank), ": lost; ", waiter),
                   /*has_gone=*/false, !missing.host_answers};
  }
  if (missing.last.operation != Operation::kNone) {
    return Verdict{*rank, str_cat("all ranks wait for each other at step ",
                                  missing.last.step, ": ", waiter, ", ",
                                  where(*rank), " is the furthest behind, in ",
                                  operation_name(missing.last.operation))};
  }
  return Verdict{*rank, str_cat(where(*rank), " is alive, but has been in ",
                                phase_name(missing.last.phase), " for ",
                                seconds_text(missing.last.phase_s), " at step ",
                                missing.last.step, ": stuck; ", waiter)};
}

std::optional<Roster::Verdict> Roster::judge() const {
  for (const auto& verdict : {judge_closed(), judge_silent(), judge_wait()}) {
    if (verdict) {
      return verdict;
    }
  }
  return std::nullopt;
}

}  // namespace voxlift::trainer
