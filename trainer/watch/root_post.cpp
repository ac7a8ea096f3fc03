// Rank 0's side of the watch.

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "trainer/watch/watch_post.h"

namespace voxlift::trainer {
namespace {

// Connections that have not yet said who they are: so many beside one a rank,
// and so long.
constexpr size_t kSpareStrangers = 64;
constexpr double kStrangerS = 5.0;

}  // namespace

RootPost::RootPost(const WatchFrame& frame, Listener listener, WatchNews& news)
    : WatchPost(frame),
      listener_(std::move(listener)),
      news_(news),
      stragglers_(static_cast<int>(frame.places.size()), frame.config),
      peers_(frame.places.size()) {}

bool RootPost::welcome(Stranger& stranger) {
  const std::optional<BeatBytes> bytes = stranger.peer.receive();
  if (!bytes.has_value()) {
    return false;
  }
  const std::optional<Beat> beat = decode(*bytes, frame().token);
  const bool is_known = beat.has_value() && beat->kind == Beat::Kind::kHello &&
                        beat->rank > 0 &&
                        beat->rank < static_cast<int>(peers_.size()) &&
                        peers_[static_cast<size_t>(beat->rank)] == nullptr;
  if (!is_known) {
    stranger.peer.close();
    return false;
  }
  stranger.peer.send(own_beat(Beat::Kind::kBeat));
  roster().heard(beat->rank, beat->standing);
  peers_[static_cast<size_t>(beat->rank)] =
      std::make_unique<Peer>(std::move(stranger.peer));
  return true;
}

void RootPost::meet_strangers() {
  const double now_s = frame().clock.now_s();
  while (strangers_.size() < peers_.size() + kSpareStrangers) {
    Socket socket = listener_.accept();
    if (!socket.is_open()) {
      break;
    }
    strangers_.push_back({Peer(std::move(socket)), now_s});
  }
  std::erase_if(strangers_, [&](Stranger& stranger) {
    return welcome(stranger) || !stranger.peer.is_open() ||
           now_s - stranger.since_s > kStrangerS;
  });
}

void RootPost::hear(int rank) {
  Peer& peer = *peers_[static_cast<size_t>(rank)];
  while (const std::optional<BeatBytes> bytes = peer.receive()) {
    const std::optional<Beat> beat = decode(*bytes, frame().token);
    if (!beat.has_value() || beat->rank != rank) {
      continue;
    }
    roster().heard(rank, beat->standing);
    stragglers_.heard(rank, beat->standing);
    if (beat->kind == Beat::Kind::kGoodbye) {
      roster().left(rank);
    } else if (beat->kind == Beat::Kind::kFailing) {
      expect_end(kEndExpectedS);
    }
  }
  if (!peer.is_open()) {
    roster().closed(rank);
  }
}

void RootPost::listen() {
  meet_strangers();
  // One call for all, so that thousands of ranks cost little.
  polls_.resize(peers_.size());
  for (size_t r = 0; r < peers_.size(); ++r) {
    const int fd = peers_[r] != nullptr ? peers_[r]->fd() : -1;
    polls_[r] = {.fd = fd, .events = POLLIN, .revents = 0};
  }
  ::poll(polls_.data(), polls_.size(), 0);
  for (size_t r = 1; r < peers_.size(); ++r) {
    if (polls_[r].revents != 0) {
      hear(static_cast<int>(r));
    }
  }
}

void RootPost::speak() {
  to_all(own_beat(Beat::Kind::kBeat));
  const double limit_s = quiet_limit_s(frame().beat_s());
  for (size_t r = 1; r < peers_.size(); ++r) {
    if (peers_[r] != nullptr) {
      roster().set_host_answers(static_cast<int>(r),
                                !peers_[r]->is_unanswered(limit_s));
    }
  }
  stragglers_.heard(0, frame().board.read());
  for (const SlowRank& slow : stragglers_.newly_slow()) {
    news_.add(slow, frame().places[static_cast<size_t>(slow.rank)]);
  }
  news_.set_worst(stragglers_.worst());
}

void RootPost::to_all(const BeatBytes& bytes) {
  for (const auto& peer : peers_) {
    if (peer != nullptr) {
      peer->send(bytes);
    }
  }
}

void RootPost::send_off(double after_s) {
  to_all(own_beat(Beat::Kind::kLeave, static_cast<int>(after_s)));
}

void RootPost::part(Beat::Kind kind) {
  to_all(own_beat(kind));
  listen();  // A close with unread bytes would take ours back.
  for (auto& peer : peers_) {
    peer.reset();
  }
}

}  // namespace voxlift::trainer
