#pragma once
// What each start of the ranks looks like: on which hosts, how many, and what
// is cleaned up after it.

#include <functional>
#include <string>
#include <vector>

#include "launcher/launch/host_list.h"
#include "launcher/launch/launch_plan.h"

namespace voxlift::launcher {

// One start: the command line and its whole environment.
struct Start {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

// With min_ranks, hosts that do not answer are left out of each start: of the
// hostfile those that the rsh agent cannot reach, in a SLURM job those that
// sinfo calls dead. One thread, while no RankGroup runs.
class StartPlanner {
 public:
  // `command`: the ranks' program and its arguments. `say` gets one line an
  // event. Throws ConfigError if the hostfile is wrong.
  StartPlanner(const LaunchConfig& config, std::vector<std::string> command,
               const ClusterEnv& cluster, HostFacts host,
               std::function<void(const std::string&)> say);
  ~StartPlanner();
  StartPlanner(const StartPlanner&) = delete;
  StartPlanner& operator=(const StartPlanner&) = delete;

  // The plan for the hosts that live now. Throws CommError naming those that do
  // not, if fewer than min_ranks ranks can run on the others.
  LaunchPlan plan();
  Start next();

  // Kills what the last start has left, on every host of it; says how many.
  void clean_up();

 private:
  void leave_out_dead_hosts(LaunchConfig* config);
  void leave_out_dead_nodes(LaunchConfig* config, ClusterEnv* cluster,
                            HostFacts* host);
  void say_left_out(const std::string& which, size_t num_all, int64_t ranks);
  std::vector<std::string> over_agent(const std::string& host,
                                      const std::vector<std::string>& words);

  const LaunchConfig& config_;
  std::vector<std::string> command_;
  const ClusterEnv& cluster_;
  HostFacts host_;
  std::function<void(const std::string&)> say_;
  std::vector<Host> hosts_;      // Of the hostfile; empty: none.
  std::string living_hostfile_;  // Temporary; empty: not written yet.
};

}  // namespace voxlift::launcher
