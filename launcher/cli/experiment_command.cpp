#include "launcher/cli/experiment_command.h"

#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/train_options.h"
#include "launcher/experiment/experiment_report.h"
#include "launcher/experiment/experiment_runs.h"
#include "launcher/experiment/svg_chart.h"
#include "trainer/checkpoint/retention.h"
#include "trainer/run_state.h"

namespace voxlift::launcher {
namespace {

struct ExperimentArgs {
  std::string kind;
  std::string config;
  std::string out;
  std::vector<std::string> inits;
  std::vector<std::string> fractions;
  int64_t seeds = 3;
  std::string metric;
  std::string metric_mode = "auto";
  bool run = false;
  bool sbatch = false;
  bool draw = false;
  int64_t task = 0;
  int64_t ranks = 1;

  void validate() const;  // Throws ConfigError.
};

void ExperimentArgs::validate() const {
  if (kind != "convergence" && kind != "annotation") {
    throw ConfigError(str_cat("experiment '", kind,
                              "': must be 'convergence' or 'annotation'"));
  }
  if (config.empty() != inits.empty()) {
    throw ConfigError("config and inits make a plan only together");
  }
  if (seeds < 1) {
    throw ConfigError(str_cat("seeds = ", seeds, ": must be at least 1"));
  }
  if (metric_mode != "max" && metric_mode != "min" && metric_mode != "auto") {
    throw ConfigError(str_cat("metric-mode = '", metric_mode,
                              "': must be 'max', 'min' or 'auto'"));
  }
}

void bind(OptionBinder& binder, ExperimentArgs& args) {
  binder.add("kind", args.kind, "convergence or annotation");
  binder.set_positional("kind");
  binder.add("out", args.out, "folder of the experiment");
  binder.add("config", args.config, "of every run, as train has it");
  binder.add("inits", args.inits,
             "NAME=WEIGHTS (or =, none) or NAME=@FILE of further training "
             "options; the first is compared with");
  binder.add("fractions", args.fractions,
             "label shares; empty: 1 (convergence), 0.2,0.4,0.6,0.8,1 "
             "(annotation)");
  binder.add("seeds", args.seeds, "runs of each, from run.seed on");
  binder.add(
      "metric", args.metric,
      "a score of the evaluations; empty: top1, dice or sensitivity_mean by "
      "task");
  binder.add("metric-mode", args.metric_mode,
             "max, min or auto (min for losses and errors)");
  binder.add("run", args.run, "make the runs, here and one by one, and draw");
  binder.add("ranks", args.ranks, "of each run here");
  binder.add("task", args.task, "make only this run of the plan, from 1");
  binder.add("sbatch", args.sbatch, "write a job array");
  binder.add("draw", args.draw, "write report.html and scores.csv");
  binder.require("kind");
  binder.require("out");
}

// ---- the plan ----

trainer::TrainConfig base_config(const std::string& path) {
  trainer::TrainConfig config;
  OptionBinder binder("voxlift experiment");
  bind_train_options(binder, config);
  binder.parse(std::vector<std::string>{"--config", path});
  return config;
}

std::string default_metric(const std::string& task) {
  if (task == "classification") {
    return "top1";
  }
  return task == "segmentation" ? "dice" : "sensitivity_mean";
}

std::vector<std::string> default_fractions(const std::string& kind) {
  return kind == "convergence"
             ? std::vector<std::string>{"1"}
             : std::vector<std::string>{"0.2", "0.4", "0.6", "0.8", "1"};
}

bool is_larger_better(const std::string& metric, const std::string& mode) {
  trainer::CheckpointConfig config;
  config.metric = metric;
  config.metric_mode = mode;
  return trainer::larger_is_better(config);
}

void set_metric(const ExperimentArgs& args, const std::string& metric,
                ExperimentPlan* plan) {
  plan->metric = metric;
  plan->larger_is_better = is_larger_better(metric, args.metric_mode);
}

// What a run of the plan is told, all options of train.
ResolveRun resolver(const std::string& config_path) {
  return [config_path](const ExperimentPlan& plan, const PlannedRun& run,
                       const std::string& dir) {
    trainer::TrainConfig config;
    OptionBinder binder("voxlift experiment");
    bind_train_options(binder, config);
    binder.parse(std::vector<std::string>{"--config", config_path});
    const Initialisation& init = plan.init_of(run);
    binder.parse(
        init.options_file.empty()
            ? std::vector<std::string>{"--init.weights=" + init.weights}
            : std::vector<std::string>{"--config", init.options_file});
    binder.parse(std::vector<std::string>{
        str_cat("--run.seed=", run.seed), "--run.out=" + dir,
        str_cat("--data.fraction=", run.fraction),
        str_cat("--data.fraction_seed=", run.seed)});
    config.validate();
    return binder.resolved_text();
  };
}

ExperimentPlan make_plan(const ExperimentArgs& args) {
  const trainer::TrainConfig base = base_config(args.config);
  if (base.data.val.empty()) {
    throw ConfigError(str_cat("'", args.config,
                              "' has no data.val: there would be no scores"));
  }
  if (args.kind == "convergence" && base.eval.every_epochs == 0) {
    throw ConfigError(str_cat("'", args.config,
                              "' has eval.every_epochs = 0: there would be no "
                              "scores on the way"));
  }
  ExperimentPlan plan;
  plan.kind = args.kind;
  set_metric(args,
             args.metric.empty() ? default_metric(base.task.kind) : args.metric,
             &plan);
  plan.inits = parse_initialisations(args.inits);
  plan.fractions = parse_fractions(
      args.fractions.empty() ? default_fractions(args.kind) : args.fractions);
  for (int64_t i = 0; i < args.seeds; ++i) {
    plan.seeds.push_back(base.run.seed + static_cast<uint64_t>(i));
  }
  return plan;
}

ExperimentPlan make_or_read_plan(const ExperimentArgs& args, Files& files) {
  if (!args.config.empty()) {
    const ExperimentPlan plan = make_plan(args);
    write_plan(plan, args.out, resolver(args.config),
               trainer::options_without_effect(), files);
    return plan;
  }
  ExperimentPlan plan = read_plan(args.out, files);
  if (plan.kind != args.kind) {
    throw ConfigError(str_cat("'", args.out, "' holds the experiment '",
                              plan.kind, "', not '", args.kind, "'"));
  }
  if (!args.metric.empty()) {
    set_metric(args, args.metric, &plan);
  }
  return plan;
}

// ---- what to do with it ----

void print_comparison(const ExperimentPlan& plan, const Comparison& row,
                      std::ostream& out) {
  out << row.init << ": ";
  if (row.with_all) {
    out << plan.metric << " " << fixed_text(row.with_all->mean, 4) << " +- "
        << fixed_text(row.with_all->deviation, 4) << " (" << row.with_all->n
        << " runs)";
  } else {
    out << "no run with all labels has finished";
  }
  if (row.epochs) {
    out << ", reaches that of " << plan.inits.front().name << " after "
        << fixed_text(*row.epochs, 1) << " epochs";
  }
  if (row.share && plan.fractions.size() > 1) {
    out << ", with " << (row.share_is_bound ? "at most " : "")
        << fixed_text(100.0 * *row.share, 0) << " % of the labels";
  }
  out << "\n";
}

void draw(const ExperimentPlan& plan, const std::string& dir, Files& files) {
  const ExperimentScores scores = read_scores(plan, dir, files);
  const std::string report = join_path(dir, "report.html");
  files.publish(report, report_html(plan, scores));
  files.publish(join_path(dir, "scores.csv"), scores_csv(plan, scores));
  for (const Comparison& row : compare_inits(plan, scores)) {
    print_comparison(plan, row, std::cout);
  }
  for (const std::string& line : scores.missing) {
    std::cout << "missing: " << line << "\n";
  }
  std::cout << "report: " << report << "\n";
}

void write_array(const ExperimentPlan& plan, const std::string& dir,
                 Files& files) {
  const std::string path = join_path(dir, "array.sbatch");
  files.publish(path, array_script(plan, dir));
  std::cout << "sbatch -N 1 --ntasks-per-node=1 " << path << "\n";
}

std::string programs_dir() {
  return parent_dir(std::filesystem::read_symlink("/proc/self/exe").string());
}

int carry_out(const ExperimentArgs& args) {
  RealFiles files;
  const ExperimentPlan plan = make_or_read_plan(args, files);
  std::cout << plan.runs().size() << " runs: " << plan.inits.size()
            << " initialisations, " << plan.fractions.size()
            << " label shares, " << plan.seeds.size()
            << " seeds; plan: " << join_path(args.out, "plan.json") << "\n";
  if (args.sbatch) {
    write_array(plan, args.out, files);
  }
  int code = 0;
  if (args.run || args.task != 0) {
    code = make_runs(plan, {.out = args.out,
                            .programs = programs_dir(),
                            .ranks = args.ranks,
                            .task = args.task});
  }
  if (args.draw || args.run) {
    draw(plan, args.out, files);
  }
  return code;
}

int run(std::span<const std::string> words) {
  ExperimentArgs args;
  OptionBinder binder("voxlift experiment", false);
  bind(binder, args);
  if (wants_help(words)) {
    print_command_help(
        {"voxlift experiment convergence|annotation --out DIR --config FILE "
         "--inits LIST [OPTIONS]",
         "Fine-tunes from several initialisations, with shares of the labels "
         "and several\nseeds, and draws the comparison (docs/experiments.md). "
         "A plan that is there is\ngone on with by --out alone.",
         {"voxlift experiment annotation --config lidc.cfg --out exp/lidc \\\n"
          "      --inits scratch=,ours=runs/r18 --run",
          "voxlift experiment annotation --out exp/lidc --sbatch",
          "voxlift experiment annotation --out exp/lidc --draw"}},
        binder);
    return 0;
  }
  binder.parse(words);
  args.validate();
  return carry_out(args);
}

}  // namespace

Command experiment_command() {
  return {"experiment", "compare initialisations over epochs and label shares",
          run};
}

}  // namespace voxlift::launcher
