#pragma once
// What the watch over the ranks can be told.

#include <cstdint>
#include <string>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

struct WatchConfig {
  // Seconds between the heartbeats of a rank; 0: no watch, only the deadlines
  // of the collectives. Costs 64 bytes a rank each time.
  double heartbeat_s = 1.0;
  // A rank that has not been heard of for so long is lost.
  double silent_s = 30.0;
  // Longest wait for a rank that evaluates or keeps a checkpoint and whose
  // heartbeats come.
  double long_deadline_s = 3600.0;
  // Network interface of rank 0 that the others connect to ("ib0"); empty: the
  // first that answers. Port: 0 takes a free one.
  std::string interface = {};
  int64_t heartbeat_port = 0;
  // A rank is slow if its own time is so many times the ranks' median, over
  // the last so many steps.
  double straggler_factor = 1.5;
  int64_t straggler_steps = 20;

  // Throws ConfigError naming the option and its value.
  void validate() const;
};

// How often ranks speak: heartbeat_s, more often where a deadline is so short
// that some missing heartbeats must fit into it.
double beat_interval_s(const WatchConfig& config, const CommConfig& comm);

// A rank is called silent after this: 3.5 heartbeats.
double quiet_limit_s(double beat_s);

// Deadlines of the communicator itself under a watch: behind every deadline of
// the watch, which can say more.
CommConfig backstop_deadlines(const WatchConfig& config,
                              const CommConfig& comm);

}  // namespace voxlift::trainer
