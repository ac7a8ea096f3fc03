#pragma once
// The two sides of the watch: rank 0, which hears of all, and any other rank.

#include <poll.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "trainer/watch/peer_socket.h"
#include "trainer/watch/roster.h"
#include "trainer/watch/stragglers.h"
#include "trainer/watch/watch.h"

namespace voxlift::trainer {

// What both sides need; outlives them.
struct WatchFrame {
  WatchConfig config;
  CommConfig comm;
  const Clock& clock;
  PhaseBoard& board;
  EndRun end_run;
  uint64_t token = 0;
  int rank = 0;
  std::vector<RankPlace> places;

  double beat_s() const { return beat_interval_s(config, comm); }
};

// What rank 0 has seen, for the training thread. Any thread.
class WatchNews {
 public:
  void add(const SlowRank& slow, const RankPlace& place);
  void set_worst(std::vector<SlowRank> worst);
  std::vector<Json> take_events();
  std::vector<SlowRank> worst() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Json> events_;
  std::vector<SlowRank> worst_;
};

// How long a rank that has failed may take to end all, before the others end by
// themselves.
constexpr double kEndExpectedS = 10.0;

// "rank 1 on a (process 7) is slow: 0.312 s of its own a step, the ranks'
// median is 0.104 s (3.0 times); it loses them computing".
std::string describe_slow(const SlowRank& slow, const RankPlace& place);

// One side. turn() is called every few milliseconds by the watch's thread.
class WatchPost {
 public:
  explicit WatchPost(const WatchFrame& frame);
  virtual ~WatchPost() = default;
  WatchPost(const WatchPost&) = delete;
  WatchPost& operator=(const WatchPost&) = delete;

  void turn();

  // The last words: kGoodbye or kFailing.
  virtual void part(Beat::Kind kind) = 0;

 protected:
  virtual void listen() = 0;
  virtual void speak() = 0;
  // Seconds between a loss that this rank sees and its line about it.
  virtual double turn_s() const = 0;

  // Makes the others leave in so many seconds.
  virtual void send_off(double /*after_s*/) {}

  const WatchFrame& frame() const { return frame_; }

  Roster& roster() { return roster_; }

  BeatBytes own_beat(Beat::Kind kind, int value = 0) const;
  // Somebody is about to end all: this rank waits so long for it.
  void expect_end(double within_s);
  void end(const std::string& line);

 private:
  void judge(double now_s);
  void pronounce(const Roster::Verdict& verdict, double now_s);

  const WatchFrame& frame_;
  Roster roster_;
  double last_turn_s_;
  double next_beat_s_;
  std::optional<double> end_at_s_;
  std::optional<double> lost_since_s_;
  double stood_still_s_;  // When this process last came back from that.
  bool ended_ = false;
};

// Rank 0. Takes connections from `listener`.
class RootPost : public WatchPost {
 public:
  RootPost(const WatchFrame& frame, Listener listener, WatchNews& news);

  void part(Beat::Kind kind) override;

 protected:
  void listen() override;
  void speak() override;

  double turn_s() const override { return 0.0; }

  void send_off(double after_s) override;

 private:
  struct Stranger {
    Peer peer;
    double since_s = 0.0;
  };

  void meet_strangers();
  bool welcome(Stranger& stranger);
  void hear(int rank);
  void to_all(const BeatBytes& bytes);

  Listener listener_;
  WatchNews& news_;
  Stragglers stragglers_;
  std::vector<Stranger> strangers_;
  std::vector<std::unique_ptr<Peer>> peers_;  // By rank; null: none yet.
  std::vector<pollfd> polls_;                 // By rank.
};

// Any other rank, with its connection to rank 0.
class RankPost : public WatchPost {
 public:
  RankPost(const WatchFrame& frame, Peer root);

  void part(Beat::Kind kind) override;

 protected:
  void listen() override;
  void speak() override;
  double turn_s() const override;

 private:
  Peer root_;
};

}  // namespace voxlift::trainer
