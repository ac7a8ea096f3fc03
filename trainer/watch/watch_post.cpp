#include "trainer/watch/watch_post.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// A process that stood still for so long blames nobody for what it has missed;
// for some time after it, others that are gone have left because of it.
constexpr double kStoodStillS = 1.0;
constexpr double kBlameAgainS = 10.0;

std::string fixed(double value, const char* format) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

const char* loss_of(const SlowRank& slow) {
  return slow.loses_in_data() ? "waiting for data" : "computing";
}

}  // namespace

// ---- WatchNews ----

std::string describe_slow(const SlowRank& slow, const RankPlace& place) {
  return str_cat(
      describe_rank(slow.rank, place), " is slow: ", fixed(slow.own_s, "%.3f"),
      " s of its own a step at step ", slow.step, ", the ranks' median is ",
      fixed(slow.median_s, "%.3f"), " s (", fixed(slow.factor(), "%.1f"),
      " times); it loses them ", loss_of(slow));
}

void WatchNews::add(const SlowRank& slow, const RankPlace& place) {
  log_warning(describe_slow(slow, place));
  const std::scoped_lock lock(mutex_);
  events_.push_back({{"type", "straggler"},
                     {"step", slow.step},
                     {"rank", slow.rank},
                     {"host", place.host},
                     {"own_s", slow.own_s},
                     {"median_s", slow.median_s},
                     {"data_wait_s", slow.data_s},
                     {"loses_it", loss_of(slow)}});
}

void WatchNews::set_worst(std::vector<SlowRank> worst) {
  const std::scoped_lock lock(mutex_);
  worst_ = std::move(worst);
}

std::vector<Json> WatchNews::take_events() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(events_, {});
}

std::vector<SlowRank> WatchNews::worst() const {
  const std::scoped_lock lock(mutex_);
  return worst_;
}

// ---- WatchPost ----

WatchPost::WatchPost(const WatchFrame& frame)
    : frame_(frame),
      roster_(frame.places, frame.rank, frame.config, frame.comm, frame.clock),
      last_turn_s_(frame.clock.now_s()),
      next_beat_s_(last_turn_s_),
      stood_still_s_(last_turn_s_ - kBlameAgainS) {}

BeatBytes WatchPost::own_beat(Beat::Kind kind, int value) const {
  return encode({.kind = kind,
                 .rank = frame_.rank,
                 .value = value,
                 .standing = frame_.board.read()},
                frame_.token);
}

void WatchPost::expect_end(double within_s) {
  if (!end_at_s_.has_value()) {
    end_at_s_ = frame_.clock.now_s() + within_s;
  }
}

void WatchPost::end(const std::string& line) {
  if (!std::exchange(ended_, true)) {
    frame_.end_run(static_cast<int>(ExitCode::kComm), line);
  }
}

void WatchPost::turn() {
  const double now_s = frame_.clock.now_s();
  const double gap_s = now_s - std::exchange(last_turn_s_, now_s);
  if (gap_s > std::max(kStoodStillS, quiet_limit_s(frame_.beat_s()))) {
    roster_.forgive(gap_s);
    stood_still_s_ = now_s;
  }
  listen();
  if (now_s >= next_beat_s_) {
    next_beat_s_ = now_s + frame_.beat_s();
    speak();
    // Of rank 0's silence one rank tells.
    if (frame_.rank <= 1 && !ended_ && !end_at_s_.has_value()) {
      for (const std::string& line : roster_.news()) {
        log_warning(line);
      }
    }
  }
  judge(now_s);
}

void WatchPost::judge(double now_s) {
  if (ended_) {
    return;
  }
  if (end_at_s_.has_value()) {
    if (now_s >= *end_at_s_) {
      end("");
    }
    return;
  }
  roster_.heard(frame_.rank, frame_.board.read());
  const std::optional<Roster::Verdict> verdict = roster_.judge();
  if (!verdict.has_value()) {
    lost_since_s_.reset();
    return;
  }
  if (!lost_since_s_.has_value()) {
    lost_since_s_ = now_s;
  }
  if (now_s - *lost_since_s_ >= turn_s()) {
    pronounce(*verdict, now_s);
  }
}

// mpirun ends a job with a lost host only if it notices that before a rank
// leaves; else it waits for the host for ever. So it gets the time to.
void WatchPost::pronounce(const Roster::Verdict& verdict, double now_s) {
  if (verdict.is_cut_off) {
    log_error("CommError: " + verdict.line);
    send_off(kEndExpectedS);
    expect_end(kEndExpectedS);
    return;
  }
  send_off(0.0);
  const bool is_own_fault =
      verdict.has_gone && now_s - stood_still_s_ < kBlameAgainS;
  end(is_own_fault ? "" : verdict.line);
}

// ---- RankPost ----

RankPost::RankPost(const WatchFrame& frame, Peer root)
    : WatchPost(frame), root_(std::move(root)) {}

void RankPost::listen() {
  while (const std::optional<BeatBytes> bytes = root_.receive()) {
    const std::optional<Beat> beat = decode(*bytes, frame().token);
    if (!beat.has_value()) {
      continue;
    }
    switch (beat->kind) {
      case Beat::Kind::kBeat:
      case Beat::Kind::kHello:
        roster().heard(0, beat->standing);
        break;
      case Beat::Kind::kGoodbye:
        roster().left(0);
        break;
      case Beat::Kind::kFailing:
        expect_end(kEndExpectedS);
        break;
      case Beat::Kind::kLeave:
        expect_end(beat->value);  // Rank 0 has said why.
        break;
    }
  }
  if (!root_.is_open()) {
    roster().closed(0);
  }
}

void RankPost::speak() {
  root_.send(own_beat(Beat::Kind::kBeat));
  roster().set_host_answers(
      0, !root_.is_unanswered(quiet_limit_s(frame().beat_s())));
}

double RankPost::turn_s() const {
  constexpr double kOtherHostS = 3.0;
  constexpr double kAnybodyS = 6.0;
  const auto& places = frame().places;
  if (frame().rank == 1) {
    return 0.0;
  }
  const auto elsewhere = std::find_if(
      places.begin() + 1, places.end(),
      [&](const auto& place) { return place.host != places.front().host; });
  const bool first_elsewhere =
      elsewhere - places.begin() == static_cast<int64_t>(frame().rank);
  return first_elsewhere ? kOtherHostS : kAnybodyS;
}

void RankPost::part(Beat::Kind kind) {
  root_.send(own_beat(kind));
  listen();  // A close with unread bytes would take ours back.
  root_.close();
}

}  // namespace voxlift::trainer
