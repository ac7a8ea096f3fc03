#pragma once
// What a run of a given size is going to cost: formulas in docs/plan.md.

#include <cstdint>
#include <string>

namespace voxlift::launcher {

// Measured, or read from a data sheet. Times in seconds, sizes in bytes.
struct PlanInputs {
  double step_s = 0.0;  // Of one rank without communication.
  // Share of step_s that backward takes: communication hides behind it.
  double backward_share = 0.65;
  double gradient_bytes = 134.7e6;
  double bucket_bytes = 8e6;
  int64_t slot_batch = 32;  // Samples per rank and step.
  int64_t samples = 1281167;
  int64_t epochs = 100;

  int64_t ranks_per_node = 8;
  double local_latency_s = 5e-6;
  double local_bytes_s = 200e9;  // Of one rank, within a node.
  double node_latency_s = 10e-6;
  double node_bytes_s = 25e9;  // Of one node, all its adapters together.

  double checkpoint_bytes = 0.0;     // 0: weights and momentum.
  double checkpoint_bytes_s = 2e9;   // To the file system, whole run.
  double checkpoint_stall_s = 0.05;  // That training stands still for.
  // Mean time between failures of one node. 6,300 h: 419 unexpected
  // interruptions in 54 days of 2,048 nodes (The Llama 3 Herd of Models, 2024,
  // arXiv 2407.21783, section 3.3.4).
  double node_mtbf_h = 6300.0;
  double restart_s = 120.0;  // From the failure to the next step.

  // Throws ConfigError naming the option.
  void validate() const;
};

struct PlanRow {
  int64_t ranks = 0;
  int64_t nodes = 0;
  int64_t global_batch = 0;
  double comm_s = 0.0;     // Sum over the ranks, hidden or not.
  double exposed_s = 0.0;  // Of it, what a step waits for.
  double step_s = 0.0;
  double efficiency = 0.0;  // Samples/s over ranks times one rank's.
  double epoch_s = 0.0;     // Without failures and checkpoints.
  double job_mtbf_s = 0.0;
  double checkpoint_every_s = 0.0;  // The best interval.
  double checkpoint_share = 0.0;    // Of the time, standing still for them.
  double lost_share = 0.0;          // Of the time, redone or restarting.
  double run_h = 0.0;               // All epochs, all included.
};

// The tree over ranks of a node, then over nodes.
double all_reduce_s(const PlanInputs& inputs, int64_t ranks, double bytes);

// The interval between checkpoints of cost `cost_s` that loses least, at a mean
// time between failures of `mtbf_s`. Source: Daly, "A higher order estimate of
// the optimum checkpoint interval for restart dumps", Future Generation
// Computer Systems 22 (2006) 303-312, DOI 10.1016/j.future.2004.11.016,
// equation 37; its first term is Young's (1974), DOI 10.1145/361147.361115.
double best_interval_s(double cost_s, double mtbf_s);

// Throws ConfigError if the inputs are not valid.
PlanRow plan_row(const PlanInputs& inputs, int64_t ranks);

}  // namespace voxlift::launcher
