#include "launcher/cli/plan_command.h"

#include <iomanip>
#include <iostream>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/plan/control_plane.h"
#include "launcher/plan/cost_model.h"

namespace voxlift::launcher {
namespace {

struct PlanArgs {
  PlanInputs inputs;
  std::string bench;  // File of `voxlift bench train.step`; or empty.
  std::vector<int64_t> gpus = {8,   16,   32,   64,   128,  256,
                               512, 1024, 2048, 4096, 8192, 16384};
  bool json = false;
  int64_t dry_run_ranks = 0;
  ControlPlaneConfig control;
};

void bind_inputs(OptionBinder& binder, PlanInputs& inputs) {
  binder.add("step-s", inputs.step_s, "step of one rank alone, seconds");
  binder.add("backward-share", inputs.backward_share, "of step-s");
  binder.add("gradient-bytes", inputs.gradient_bytes, "of the network");
  binder.add("bucket-bytes", inputs.bucket_bytes, "of one gradient bucket");
  binder.add("slot-batch", inputs.slot_batch, "samples per rank and step");
  binder.add("samples", inputs.samples, "of the data set");
  binder.add("epochs", inputs.epochs, "of the run");
  binder.add("ranks-per-node", inputs.ranks_per_node, "GPUs of a node");
  binder.add("local-latency-s", inputs.local_latency_s, "within a node");
  binder.add("local-bytes-s", inputs.local_bytes_s, "of a rank, within a node");
  binder.add("node-latency-s", inputs.node_latency_s, "between nodes");
  binder.add("node-bytes-s", inputs.node_bytes_s, "of a node");
  binder.add("checkpoint-bytes", inputs.checkpoint_bytes,
             "0: weights and momentum");
  binder.add("checkpoint-bytes-s", inputs.checkpoint_bytes_s,
             "rate of writing a checkpoint");
  binder.add("checkpoint-stall-s", inputs.checkpoint_stall_s,
             "standstill per checkpoint");
  binder.add("node-mtbf-h", inputs.node_mtbf_h,
             "mean hours between failures of a node");
  binder.add("restart-s", inputs.restart_s, "from a failure to the next step");
}

void bind(OptionBinder& binder, PlanArgs& args) {
  binder.add("bench", args.bench,
             "lines of voxlift bench train.step: step-s, gradient-bytes and "
             "slot-batch");
  binder.add("gpus", args.gpus, "numbers of ranks to plan for");
  binder.add("json", args.json, "lines of JSON instead of a table");
  bind_inputs(binder, args.inputs);
  binder.add("dry-run-ranks", args.dry_run_ranks,
             "instead: run one epoch's agreement with so many threads");
  binder.add("slots", args.control.slots, "of the dry run; 0: one per rank");
  binder.add("values", args.control.values, "of the dry run's summed vector");
}

// The step without communication, where the file has it.
void read_bench(const std::string& path, PlanInputs& inputs) {
  RealFiles files;
  const auto bytes = files.read(path);
  std::istringstream lines{std::string(as_text(bytes))};
  for (std::string text; std::getline(lines, text);) {
    const Json line = parse_json(text, path);
    const auto name = json_get<std::string>(line, "name", path);
    if (name != "train.step" && name != "train.step.alone") {
      continue;
    }
    const double slots_of_rank =
        static_cast<double>(json_get<int64_t>(line, "slots", path)) /
        static_cast<double>(json_get<int64_t>(line, "ranks", path));
    inputs.step_s = json_get<double>(line, "median", path);
    inputs.slot_batch = static_cast<int64_t>(
        slots_of_rank *
        static_cast<double>(json_get<int64_t>(line, "slot_batch", path)));
    if (name == "train.step") {
      inputs.gradient_bytes =
          static_cast<double>(json_get<int64_t>(line, "gradient_bytes", path));
    }
  }
  if (!(inputs.step_s > 0.0)) {
    throw DataError(str_cat("'", path, "' has no line of train.step"));
  }
}

Json row_json(const PlanRow& row) {
  return {{"gpus", row.ranks},
          {"nodes", row.nodes},
          {"global_batch", row.global_batch},
          {"step_s", row.step_s},
          {"comm_s", row.comm_s},
          {"exposed_s", row.exposed_s},
          {"efficiency", row.efficiency},
          {"epoch_s", row.epoch_s},
          {"job_mtbf_s", row.job_mtbf_s},
          {"checkpoint_every_s", row.checkpoint_every_s},
          {"checkpoint_share", row.checkpoint_share},
          {"lost_share", row.lost_share},
          {"run_h", row.run_h}};
}

void print_heading(std::ostream& out) {
  out << "   GPUs    batch  step ms  comm ms  eff. %    epoch s  failure "
         "every h  checkpoint every min  stall %  lost %     run h\n";
}

void print_row(const PlanRow& row, std::ostream& out) {
  const auto cell = [&out](int width, int digits, double value) {
    out << std::setw(width) << std::fixed << std::setprecision(digits) << value;
  };
  out << std::setw(7) << row.ranks << std::setw(9) << row.global_batch;
  cell(9, 1, 1e3 * row.step_s);
  cell(9, 1, 1e3 * row.comm_s);
  cell(8, 1, 1e2 * row.efficiency);
  cell(11, 1, row.epoch_s);
  cell(17, 1, row.job_mtbf_s / 3600.0);
  cell(22, 1, row.checkpoint_every_s / 60.0);
  cell(9, 3, 1e2 * row.checkpoint_share);
  cell(8, 2, 1e2 * row.lost_share);
  cell(10, 2, row.run_h);
  out << "\n";
}

void plan(const PlanArgs& args, std::ostream& out) {
  if (!args.json) {
    print_heading(out);
  }
  for (const int64_t ranks : args.gpus) {
    if (ranks < 1) {
      throw ConfigError(str_cat("gpus = ", ranks, ": must be at least 1"));
    }
    const PlanRow row = plan_row(args.inputs, ranks);
    if (args.json) {
      out << row_json(row).dump() << "\n";
    } else {
      print_row(row, out);
    }
  }
}

void dry_run(PlanArgs& args, std::ostream& out) {
  args.control.ranks = args.dry_run_ranks;
  args.control.num_samples = args.inputs.samples;
  args.control.slot_batch = args.inputs.slot_batch;
  const ControlPlaneResult result = run_control_plane(args.control);
  out << Json{{"name", "plan.dry_run"},
              {"ranks", args.control.ranks},
              {"steps", result.steps},
              {"samples", result.samples},
              {"checkpoints", result.checkpoints},
              {"stop_step", result.stop_step},
              {"seconds", result.seconds}}
             .dump()
      << "\n";
}

int run(std::span<const std::string> words) {
  PlanArgs args;
  OptionBinder binder("voxlift plan", false);
  bind(binder, args);
  if (wants_help(words)) {
    print_command_help(
        {"voxlift plan --step-s S | --bench FILE | --dry-run-ranks N [OPTIONS]",
         "What a run would take on many GPUs: step, epoch, checkpoints, "
         "failures\n(docs/plan.md). Or a dry run of what ranks agree on, with "
         "threads as ranks.",
         {"voxlift plan --step-s 0.12 --slot-batch 32 --node-bytes-s 50e9",
          "voxlift bench train.step > step.jsonl; voxlift plan --bench "
          "step.jsonl",
          "voxlift plan --dry-run-ranks 1024"}},
        binder);
    return 0;
  }
  binder.parse(words);
  if (args.dry_run_ranks != 0) {
    dry_run(args, std::cout);
    return 0;
  }
  if (!args.bench.empty()) {
    if (binder.is_given("step-s")) {
      throw ConfigError("--bench and --step-s both say how long a step takes");
    }
    read_bench(args.bench, args.inputs);
  }
  plan(args, std::cout);
  return 0;
}

}  // namespace

Command make_plan_command() {
  return {"plan", "what a run would cost on many GPUs", run};
}

}  // namespace voxlift::launcher
