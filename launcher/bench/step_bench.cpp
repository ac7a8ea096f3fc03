#include "launcher/bench/step_bench.h"

#include "base/process_memory.h"
#include "base/strings.h"
#include "launcher/bench/figures.h"
#include "launcher/bench/roofline.h"

namespace voxlift::launcher {
namespace {

// What was measured, in words and numbers.
Json conditions(const trainer::StepTrialConfig& config, int ranks) {
  const auto& train = config.train;
  return {{"network", str_cat(train.model.network, train.model.resnet.depth)},
          {"shape", config.shape},
          {"ranks", ranks},
          {"slots", train.batch.slots},
          {"slot_batch", train.batch.slot_batch},
          {"threads", train.run.threads},
          {"precision", train.run.precision},
          {"memory_format", train.run.memory_format},
          {"reduction", train.reduce.reduction}};
}

Json step_line(const std::string& name, const std::vector<double>& seconds,
               const trainer::StepTrialConfig& config, int ranks) {
  Json line = figure(name, seconds, "s");
  const auto& batch = config.train.batch;
  line["samples_s"] = static_cast<double>(batch.slots * batch.slot_batch) /
                      line.at("median").get<double>();
  line.update(conditions(config, ranks));
  return line;
}

std::vector<double> sync_shares(const trainer::StepTrialResult& result) {
  std::vector<double> shares = ratios(result.step_s, result.alone_s);
  for (double& share : shares) {
    share -= 1.0;
  }
  return shares;
}

}  // namespace

void bench_step(const trainer::StepTrialConfig& config,
                trainer::TrainContext& context, std::ostream& out) {
  const trainer::StepTrialResult result =
      trainer::run_step_trial(config, context);
  if (!context.is_root()) {
    return;
  }
  const int ranks = context.control.size();
  Json line = step_line("train.step", result.step_s, config, ranks);
  line["cpu_s"] = quantile(result.cpu_s, 0.5);
  line["comm_wait_s"] = quantile(result.comm_wait_s, 0.5);
  line["gradient_bytes"] = result.parameter_bytes;
  line["peak_memory_bytes"] = process_memory().peak_bytes;
  out << line.dump() << "\n";
  if (!result.alone_s.empty()) {
    out << step_line("train.step.alone", result.alone_s, config, ranks).dump()
        << "\n"
        << figure("train.step.sync_share", sync_shares(result), "of alone")
               .dump()
        << "\n";
  }
  if (config.watch_operators) {
    const MachinePeaks peaks = measure_peaks(config.train.run.threads);
    print_roofline(roofline(result, peaks), peaks, out);
  }
  out.flush();
}

}  // namespace voxlift::launcher
