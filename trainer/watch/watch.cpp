#include "trainer/watch/watch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <condition_variable>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/worker.h"
#include "trainer/watch/watch_post.h"

namespace voxlift::trainer {
namespace {

constexpr double kLongestNapS = 0.05;
constexpr double kConnectS = 3.0;

// How the others reach rank 0. Port 0: not at all.
struct Invitation {
  uint64_t token = 0;
  int port = 0;
  std::vector<std::string> addresses;
};

std::string own_host() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

uint64_t draw_token() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

// No watch is worth a run that does not start.
std::unique_ptr<Listener> try_listen(int port) {
  try {
    return std::make_unique<Listener>(port);
  } catch (const IoError& error) {
    log_warning(str_cat(error.what(), ": no heartbeats in this run"));
    return nullptr;
  }
}

// COLLECTIVE. Host and process of every rank, and rank 0's invitation.
Invitation exchange_invitation(Communicator& control, Invitation own,
                               std::vector<RankPlace>* places) {
  const Json mine = {{"host", own_host()},
                     {"pid", ::getpid()},
                     {"token", own.token},
                     {"port", own.port},
                     {"addresses", own.addresses}};
  const auto all = all_gather_bytes(control, as_bytes(mine.dump()));
  for (const auto& bytes : all) {
    const Json place = parse_json(as_text(bytes), "a rank's place");
    places->push_back({json_get<std::string>(place, "host", "a rank's place"),
                       json_get<int>(place, "pid", "a rank's place")});
  }
  const Json root = parse_json(as_text(all.front()), "rank 0's invitation");
  own.token = root.at("token");
  own.port = root.at("port");
  own.addresses = root.at("addresses").get<std::vector<std::string>>();
  return own;
}

// The answer of rank 0, and of nobody else who may listen there.
bool is_answered(Peer& peer, uint64_t token, const Clock& clock) {
  const double end_s = clock.now_s() + kConnectS;
  while (peer.is_open() && clock.now_s() < end_s) {
    if (const std::optional<BeatBytes> bytes = peer.receive()) {
      return decode(*bytes, token).has_value();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

std::optional<Peer> reach_root(const WatchFrame& frame, Invitation invitation) {
  if (frame.places[0].host ==
      frame.places[static_cast<size_t>(frame.rank)].host) {
    invitation.addresses.insert(invitation.addresses.begin(), "127.0.0.1");
  }
  for (const std::string& address : invitation.addresses) {
    Socket socket = connect_to(address, invitation.port, kConnectS);
    if (!socket.is_open()) {
      continue;
    }
    Peer peer(std::move(socket));
    peer.send(encode({.kind = Beat::Kind::kHello,
                      .rank = frame.rank,
                      .standing = frame.board.read()},
                     frame.token));
    if (is_answered(peer, frame.token, frame.clock)) {
      return peer;
    }
  }
  return std::nullopt;
}

void warn_unreached(const std::vector<int64_t>& reached,
                    const WatchFrame& frame, const Invitation& invitation) {
  std::vector<std::string> ranks;
  for (size_t r = 0; r < reached.size(); ++r) {
    if (reached[r] == 0) {
      ranks.push_back(describe_rank(static_cast<int>(r), frame.places[r]));
    }
  }
  log_warning(str_cat(
      "no heartbeats in this run: ", ranks.front(), " and ", ranks.size() - 1,
      " more cannot reach rank 0 at port ", invitation.port, " of ",
      str_join(invitation.addresses, ", "),
      ": set comm.interface and comm.heartbeat_port; until then only the "
      "deadlines of the collectives find a lost rank"));
}

}  // namespace

struct Watch::Impl {
  Impl(const WatchConfig& config, const CommConfig& comm, const Clock& clock,
       EndRun end_run)
      : board(clock),
        frame{.config = config,
              .comm = comm,
              .clock = clock,
              .board = board,
              .end_run = std::move(end_run),
              .places = {}} {}

  // COLLECTIVE. Rank 0 opens `listener`, all learn where it is.
  Invitation invite(Communicator& control,
                    std::unique_ptr<Listener>* listener) {
    Invitation own;
    if (frame.rank == 0) {
      own.addresses = own_addresses(frame.config.interface);
      *listener = try_listen(static_cast<int>(frame.config.heartbeat_port));
      own.port = *listener ? (*listener)->port() : 0;
      own.token = draw_token();
    }
    own = exchange_invitation(control, std::move(own), &frame.places);
    frame.token = own.token;
    return own;
  }

  // Starts this rank's side; false if rank 0 is out of reach.
  bool join(const Invitation& invitation, Listener* listener) {
    if (frame.rank == 0) {
      post = std::make_unique<RootPost>(frame, std::move(*listener), news);
    } else if (auto root = reach_root(frame, invitation)) {
      post = std::make_unique<RankPost>(frame, *std::move(root));
    } else {
      return false;
    }
    thread = std::make_unique<Worker>(
        "watch", [this](const std::stop_token& stop) { run(stop); });
    return true;
  }

  void run(const std::stop_token& stop) {
    const auto nap = std::chrono::duration<double>(
        std::min(kLongestNapS, frame.beat_s() / 2.0));
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      post->turn();
      stopped.wait_for(lock, stop, nap, [] { return false; });
    }
  }

  void stop(Beat::Kind last_word) {
    if (thread != nullptr) {
      thread.reset();
      post->part(last_word);
    }
  }

  PhaseBoard board;
  WatchFrame frame;
  WatchNews news;
  std::unique_ptr<WatchPost> post;
  std::unique_ptr<Worker> thread;
};

Watch::Watch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Watch::~Watch() {
  impl_->stop(Beat::Kind::kFailing);
}

std::unique_ptr<Watch> Watch::start(const WatchConfig& config,
                                    const CommConfig& comm,
                                    Communicator& control, const Clock& clock,
                                    EndRun end_run) {
  if (control.size() == 1 || config.heartbeat_s == 0.0) {
    return nullptr;
  }
  auto impl = std::make_unique<Impl>(config, comm, clock, std::move(end_run));
  impl->frame.rank = control.rank();
  std::unique_ptr<Listener> listener;
  const Invitation invitation = impl->invite(control, &listener);
  if (invitation.port == 0) {
    return nullptr;
  }
  int64_t reached = impl->join(invitation, listener.get()) ? 1 : 0;
  std::vector<int64_t> all(static_cast<size_t>(control.size()));
  control.all_gather(buffer_of(std::span(&reached, 1)), buffer_of(all));
  std::unique_ptr<Watch> watch(new Watch(std::move(impl)));
  if (std::find(all.begin(), all.end(), 0) == all.end()) {
    return watch;
  }
  if (control.rank() == 0) {
    warn_unreached(all, watch->impl_->frame, invitation);
  }
  watch->finish();
  return nullptr;
}

PhaseBoard& Watch::board() {
  return impl_->board;
}

double Watch::hold_s() const {
  constexpr double kLeastS = 1.0;
  return kLeastS + 2.0 * impl_->frame.beat_s();
}

std::vector<Json> Watch::take_events() {
  return impl_->news.take_events();
}

std::vector<std::string> Watch::summary() const {
  std::vector<std::string> lines;
  for (const SlowRank& slow : impl_->news.worst()) {
    lines.push_back(
        "at its worst, " +
        describe_slow(slow,
                      impl_->frame.places[static_cast<size_t>(slow.rank)]));
  }
  return lines;
}

void Watch::finish() {
  impl_->stop(Beat::Kind::kGoodbye);
}

}  // namespace voxlift::trainer
