#include "sharding/assignment.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"

namespace voxlift::sharding {
namespace {

// Keeps slots * slot_batch far from overflow.
constexpr int64_t kMaxPerStep = int64_t{1} << 31;

std::vector<int64_t> epoch_order(const AssignmentConfig& config,
                                 int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(config.num_samples));
  if (config.subset != nullptr) {
    VOXLIFT_CHECK(config.subset->size() == order.size(),
                  str_cat(config.subset->size(), " samples in the subset, ",
                          order.size(), " expected"));
    order = *config.subset;
  } else {
    std::iota(order.begin(), order.end(), 0);
  }
  if (config.shuffle) {
    RandomStream draws(config.seed, Purpose::kShuffle,
                       static_cast<uint64_t>(epoch), 0);
    draws.shuffle(std::span(order));
  }
  return order;
}

}  // namespace

void AssignmentConfig::validate(const std::string& path) const {
  if (num_samples < 1) {
    throw ConfigError(
        str_cat(path, ".num_samples is ", num_samples, ", at least 1 needed"));
  }
  if (slots < 1 || (slots & (slots - 1)) != 0 || slots > kMaxPerStep) {
    throw ConfigError(
        str_cat(path, ".slots is ", slots, ", a power of two is needed"));
  }
  if (slot_batch < 1 || slot_batch > kMaxPerStep / slots) {
    throw ConfigError(str_cat(path, ".slot_batch is ", slot_batch, ", 1 to ",
                              kMaxPerStep / slots, " are possible with ", slots,
                              " slots"));
  }
}

EpochAssignment::EpochAssignment(const AssignmentConfig& config, int64_t epoch)
    : config_(config), epoch_(epoch) {
  config.validate("assignment");
  VOXLIFT_CHECK(epoch >= 0, str_cat("epoch ", epoch));
  order_ = epoch_order(config, epoch);
}

int64_t EpochAssignment::num_steps() const {
  const int64_t per_step = config_.slots * config_.slot_batch;
  return (config_.num_samples + per_step - 1) / per_step;
}

int64_t EpochAssignment::step_size(int64_t step) const {
  VOXLIFT_CHECK(step >= 0 && step < num_steps(),
                str_cat("step ", step, " of ", num_steps()));
  const int64_t per_step = config_.slots * config_.slot_batch;
  return std::min(per_step, config_.num_samples - step * per_step);
}

std::vector<int64_t> EpochAssignment::slot_samples(int64_t step,
                                                   int64_t slot) const {
  VOXLIFT_CHECK(slot >= 0 && slot < config_.slots,
                str_cat("slot ", slot, " of ", config_.slots));
  const int64_t size = step_size(step);
  const int64_t share = size / config_.slots;
  const int64_t extra = size % config_.slots;  // The first slots get one more.
  const int64_t begin = step * config_.slots * config_.slot_batch +
                        slot * share + std::min(slot, extra);
  const int64_t end = begin + share + (slot < extra ? 1 : 0);
  return {order_.begin() + begin, order_.begin() + end};
}

SlotRange slots_of_rank(int64_t slots, int64_t rank, int64_t world_size) {
  VOXLIFT_CHECK(world_size >= 1 && rank >= 0 && rank < world_size,
                str_cat("rank ", rank, " of ", world_size));
  if (slots < 1 || slots % world_size != 0) {
    throw ConfigError(str_cat(slots, " slots cannot be shared out evenly over ",
                              world_size,
                              " ranks: the number of ranks must "
                              "divide the number of slots"));
  }
  const int64_t per_rank = slots / world_size;
  return {rank * per_rank, (rank + 1) * per_rank};
}

}  // namespace voxlift::sharding
