#include "launcher/plan/cost_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr double kSecondsPerHour = 3600.0;

// Recursive halving and doubling over `members`.
double tree_s(int64_t members, double bytes, double latency_s,
              double bytes_per_s) {
  const auto n = static_cast<double>(members);
  return 2.0 * std::ceil(std::log2(n)) * latency_s +
         2.0 * (n - 1.0) / n * bytes / bytes_per_s;
}

int64_t divide_up(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}

// Backward runs while buckets are summed; the sum of the last bucket can only
// begin when backward has ended.
double exposed_s(const PlanInputs& inputs, int64_t ranks) {
  const double comm_s = all_reduce_s(inputs, ranks, inputs.gradient_bytes);
  const double last_s = all_reduce_s(
      inputs, ranks, std::min(inputs.bucket_bytes, inputs.gradient_bytes));
  const double backward_s = inputs.backward_share * inputs.step_s;
  return std::max(comm_s - backward_s, last_s);
}

void plan_checkpoints(const PlanInputs& inputs, PlanRow& row) {
  const double bytes = inputs.checkpoint_bytes > 0.0
                           ? inputs.checkpoint_bytes
                           : 2.0 * inputs.gradient_bytes;
  const double write_s = bytes / inputs.checkpoint_bytes_s;
  row.job_mtbf_s =
      inputs.node_mtbf_h * kSecondsPerHour / static_cast<double>(row.nodes);
  // Checkpoints are written behind the training: one must be done before the
  // next begins, and at least one step lies between them.
  row.checkpoint_every_s =
      std::max({best_interval_s(inputs.checkpoint_stall_s, row.job_mtbf_s),
                write_s, row.step_s});
  row.checkpoint_share = inputs.checkpoint_stall_s / row.checkpoint_every_s;
  row.lost_share = (row.checkpoint_every_s / 2.0 + write_s + inputs.restart_s) /
                   row.job_mtbf_s;
}

}  // namespace

void PlanInputs::validate() const {
  for (const auto& [value, name] :
       {std::pair{step_s, "step-s"},
        {gradient_bytes, "gradient-bytes"},
        {bucket_bytes, "bucket-bytes"},
        {static_cast<double>(slot_batch), "slot-batch"},
        {static_cast<double>(samples), "samples"},
        {static_cast<double>(epochs), "epochs"},
        {static_cast<double>(ranks_per_node), "ranks-per-node"},
        {local_bytes_s, "local-bytes-s"},
        {node_bytes_s, "node-bytes-s"},
        {checkpoint_bytes_s, "checkpoint-bytes-s"},
        {checkpoint_stall_s, "checkpoint-stall-s"},
        {node_mtbf_h, "node-mtbf-h"}}) {
    if (!(value > 0.0)) {
      throw ConfigError(str_cat(name, " = ", value, ": must be more than 0"));
    }
  }
  for (const auto& [value, name] :
       {std::pair{local_latency_s, "local-latency-s"},
        {node_latency_s, "node-latency-s"},
        {checkpoint_bytes, "checkpoint-bytes"},
        {restart_s, "restart-s"}}) {
    if (!(value >= 0.0)) {
      throw ConfigError(str_cat(name, " = ", value, ": must be at least 0"));
    }
  }
  if (!(backward_share > 0.0 && backward_share < 1.0)) {
    throw ConfigError(str_cat("backward-share = ", backward_share,
                              ": must lie between 0 and 1"));
  }
}

double all_reduce_s(const PlanInputs& inputs, int64_t ranks, double bytes) {
  const int64_t local = std::min(ranks, inputs.ranks_per_node);
  const int64_t nodes = divide_up(ranks, inputs.ranks_per_node);
  return tree_s(local, bytes, inputs.local_latency_s, inputs.local_bytes_s) +
         tree_s(nodes, bytes, inputs.node_latency_s, inputs.node_bytes_s);
}

double best_interval_s(double cost_s, double mtbf_s) {
  if (cost_s >= 2.0 * mtbf_s) {
    return mtbf_s;
  }
  const double share = cost_s / (2.0 * mtbf_s);
  return std::sqrt(2.0 * cost_s * mtbf_s) *
             (1.0 + std::sqrt(share) / 3.0 + share / 9.0) -
         cost_s;
}

PlanRow plan_row(const PlanInputs& inputs, int64_t ranks) {
  inputs.validate();
  PlanRow row;
  row.ranks = ranks;
  row.nodes = divide_up(ranks, inputs.ranks_per_node);
  row.global_batch = ranks * inputs.slot_batch;
  row.comm_s = all_reduce_s(inputs, ranks, inputs.gradient_bytes);
  row.exposed_s = exposed_s(inputs, ranks);
  row.step_s = inputs.step_s + row.exposed_s;
  row.efficiency = inputs.step_s / row.step_s;
  row.epoch_s =
      static_cast<double>(divide_up(inputs.samples, row.global_batch)) *
      row.step_s;
  plan_checkpoints(inputs, row);
  row.run_h = static_cast<double>(inputs.epochs) * row.epoch_s *
              (1.0 + row.checkpoint_share + row.lost_share) / kSecondsPerHour;
  return row;
}

}  // namespace voxlift::launcher
