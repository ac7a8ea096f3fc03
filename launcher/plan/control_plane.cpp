#include "launcher/plan/control_plane.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "sharding/assignment.h"
#include "trainer/comm/thread_comm.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::launcher {
namespace {

using trainer::buffer_of;
using trainer::Communicator;

// Every so many ranks, one computes the order of the epoch for itself; the
// others share one copy (10 MB each would not fit a thousand times).
constexpr int kOwnOrderEvery = 128;

struct World {
  const ControlPlaneConfig& config;
  const sharding::EpochAssignment& order;
  std::vector<std::atomic<uint8_t>>& times_seen;
  std::atomic<int64_t> checkpoints{0};
  int64_t stop_step = 0;
};

std::vector<float> leaf(const ControlPlaneConfig& config, int64_t step,
                        int64_t slot) {
  RandomStream draws(config.seed, Purpose::kDropout,
                     static_cast<uint64_t>(step), static_cast<uint64_t>(slot));
  std::vector<float> values(static_cast<size_t>(config.values));
  for (float& value : values) {
    value = static_cast<float>(draws.uniform(-1.0, 1.0));
  }
  return values;
}

// Leaves [begin, end), a power of two of them, as a balanced tree.
std::vector<float> serial_tree(const ControlPlaneConfig& config, int64_t step,
                               int64_t begin, int64_t end) {
  if (end - begin == 1) {
    return leaf(config, step, begin);
  }
  const int64_t middle = (begin + end) / 2;
  std::vector<float> sum = serial_tree(config, step, begin, middle);
  const std::vector<float> right = serial_tree(config, step, middle, end);
  for (size_t i = 0; i < sum.size(); ++i) {
    sum[i] += right[i];
  }
  return sum;
}

template <typename T>
uint32_t crc_of(const std::vector<T>& values) {
  return crc32c(std::as_bytes(std::span(values)));
}

// One rank's epoch.
class ControlRank {
 public:
  ControlRank(World& world, Communicator& comm)
      : world_(world),
        config_(world.config),
        comm_(comm),
        slots_(
            sharding::slots_of_rank(config_.slots, comm.rank(), comm.size())) {}

  void run() {
    check_order();
    for (int64_t step = 0; step < world_.order.num_steps(); ++step) {
      const int64_t samples = take_samples(step);
      const uint32_t sum_crc = sum_over_ranks(step);
      agree_on_totals(step, samples, sum_crc);
      if ((step + 1) % config_.checkpoint_every_steps == 0) {
        checkpoint(step + 1);
      }
    }
  }

 private:
  void require(bool ok, int64_t step, const std::string& what) const {
    if (!ok) {
      throw InternalError(
          str_cat("rank ", comm_.rank(), ", step ", step, ": ", what));
    }
  }

  // The order is the same wherever it is computed.
  void check_order() {
    if (comm_.rank() % kOwnOrderEvery != 0) {
      return;
    }
    const sharding::EpochAssignment own({.num_samples = config_.num_samples,
                                         .slots = config_.slots,
                                         .slot_batch = config_.slot_batch,
                                         .seed = config_.seed},
                                        world_.order.epoch());
    for (int64_t step = 0; step < own.num_steps(); ++step) {
      require(own.slot_samples(step, slots_.begin) ==
                  world_.order.slot_samples(step, slots_.begin),
              step, "its own order of the epoch differs");
    }
  }

  int64_t take_samples(int64_t step) {
    int64_t count = 0;
    for (int64_t slot = slots_.begin; slot < slots_.end; ++slot) {
      for (const int64_t id : world_.order.slot_samples(step, slot)) {
        world_.times_seen[static_cast<size_t>(id)].fetch_add(1);
        ++count;
      }
    }
    return count;
  }

  // Returns the checksum of the sum.
  uint32_t sum_over_ranks(int64_t step) {
    std::vector<float> sum =
        serial_tree(config_, step, slots_.begin, slots_.end);
    tree_all_reduce(comm_, buffer_of(sum), arithmetic_);
    if (comm_.rank() == 0) {
      require(
          crc_of(sum) == crc_of(serial_tree(config_, step, 0, config_.slots)),
          step, "the sum over the ranks is not the serial tree's");
    }
    return crc_of(sum);
  }

  // As TrainStep does: everybody's values to everybody, added in order.
  void agree_on_totals(int64_t step, int64_t samples, uint32_t sum_crc) {
    const bool wants_stop =
        step == world_.stop_step && comm_.rank() == comm_.size() / 3;
    std::vector<int64_t> mine = {samples, wants_stop ? 1 : 0, sum_crc};
    std::vector<int64_t> all(mine.size() * static_cast<size_t>(comm_.size()));
    comm_.all_gather(buffer_of(mine), buffer_of(all));
    int64_t total = 0;
    int64_t stops = 0;
    for (size_t i = 0; i < all.size(); i += mine.size()) {
      total += all[i];
      stops += all[i + 1];
      require(all[i + 2] == sum_crc, step, "the ranks' sums differ");
    }
    require(total == world_.order.step_size(step), step,
            str_cat(total, " samples, not ", world_.order.step_size(step)));
    require(stops == (step == world_.stop_step ? 1 : 0), step,
            "a wish to stop was lost");
  }

  // Every rank owns a share of the bytes; all get the manifest of all shares,
  // and rank 0's cursor, which must be their own.
  void checkpoint(int64_t next_step) {
    int64_t cursor = next_step;
    comm_.broadcast(buffer_of(std::span(&cursor, 1)), 0);
    require(cursor == next_step, next_step, "another cursor than rank 0's");
    const std::string share =
        str_cat("share-", comm_.rank(), " ", config_.values, " ",
                crc_of(leaf(config_, next_step, slots_.begin)));
    std::string manifest;
    for (const auto& piece :
         all_gather_bytes(comm_, std::as_bytes(std::span(share)))) {
      manifest.append(reinterpret_cast<const char*>(piece.data()),
                      piece.size());
      manifest += '\n';
    }
    int64_t crc = crc32c(std::as_bytes(std::span(manifest)));
    const int64_t own_crc = crc;
    comm_.broadcast(buffer_of(std::span(&crc, 1)), 0);
    require(crc == own_crc, next_step, "another manifest than rank 0's");
    world_.checkpoints.fetch_add(comm_.rank() == 0 ? 1 : 0);
  }

  World& world_;
  const ControlPlaneConfig& config_;
  Communicator& comm_;
  sharding::SlotRange slots_;
  trainer::TreeArithmetic arithmetic_ = trainer::host_arithmetic();
};

void check_seen_once(const std::vector<std::atomic<uint8_t>>& times_seen) {
  for (size_t id = 0; id < times_seen.size(); ++id) {
    if (times_seen[id].load() != 1) {
      throw InternalError(str_cat("sample ", id, " was seen ",
                                  static_cast<int>(times_seen[id].load()),
                                  " times"));
    }
  }
}

void require_power(int64_t value, const char* name, int64_t least,
                   int64_t most) {
  if (value < least || value > most ||
      !std::has_single_bit(static_cast<uint64_t>(value))) {
    throw ConfigError(str_cat(name, " = ", value,
                              ": must be a power of two in [", least, ", ",
                              most, "]"));
  }
}

}  // namespace

void ControlPlaneConfig::validate() const {
  require_power(ranks, "dry-run-ranks", 1, trainer::kMostThreadRanks);
  require_power(slots, "slots", ranks, int64_t{1} << 20);
  for (const auto& [value, name] :
       {std::pair{slot_batch, "slot-batch"},
        {num_samples, "samples"},
        {values, "values"},
        {checkpoint_every_steps, "checkpoint-steps"}}) {
    if (value < 1) {
      throw ConfigError(str_cat(name, " = ", value, ": must be at least 1"));
    }
  }
}

ControlPlaneResult run_control_plane(const ControlPlaneConfig& given) {
  ControlPlaneConfig config = given;
  config.slots = config.slots == 0 ? config.ranks : config.slots;
  config.validate();
  const RealClock clock;
  const double start_s = clock.now_s();
  const sharding::EpochAssignment order({.num_samples = config.num_samples,
                                         .slots = config.slots,
                                         .slot_batch = config.slot_batch,
                                         .seed = config.seed},
                                        0);
  std::vector<std::atomic<uint8_t>> times_seen(
      static_cast<size_t>(config.num_samples));
  World world{.config = config,
              .order = order,
              .times_seen = times_seen,
              .stop_step = order.num_steps() / 2};
  trainer::run_thread_ranks(
      static_cast<int>(config.ranks), {},
      [&](Communicator& comm) { ControlRank(world, comm).run(); });
  check_seen_once(times_seen);
  return {.steps = order.num_steps(),
          .samples = config.num_samples,
          .checkpoints = world.checkpoints.load(),
          .stop_step = world.stop_step,
          .seconds = clock.now_s() - start_s};
}

}  // namespace voxlift::launcher
