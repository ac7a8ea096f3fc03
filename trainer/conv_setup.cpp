#include "trainer/conv_setup.h"

#include <map>

#include "base/allocation.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "base/strings.h"
#include "trainer/autocast.h"

namespace voxlift::trainer {
namespace {

std::vector<ObservedConv> unknown(const std::vector<ObservedConv>& convs,
                                  const ConvPlan& plan) {
  std::vector<ObservedConv> left;
  for (const ObservedConv& conv : convs) {
    if (!plan.has(conv.call)) {
      left.push_back(conv);
    }
  }
  return left;
}

void tell(const std::vector<ConvVerdict>& verdicts, double seconds) {
  std::map<std::string, int> counts;
  for (const ConvVerdict& verdict : verdicts) {
    if (!verdict.ways.empty()) {
      ++counts[verdict.chosen];
    }
    for (const WayVerdict& way : verdict.ways) {
      if (!way.refused.empty()) {
        log_warning(str_cat("convolution by '", way.way, "' is refused for ",
                            verdict.conv.call.key(), ": ", way.refused));
      }
    }
  }
  if (counts.empty()) {
    return;
  }
  std::string text;
  for (const auto& [way, count] : counts) {
    text += str_cat(text.empty() ? "" : ", ", count, " by ", way);
  }
  log_info(str_cat("convolutions timed in ", seconds, " s: ", text,
                   " (voxlift doctor --conv shows them)"));
}

// Of this network's convolutions, what the memory says.
ConvPlan part_of(const ConvPlan& known,
                 const std::vector<ObservedConv>& convs) {
  ConvPlan plan;
  for (const ObservedConv& conv : convs) {
    if (known.has(conv.call)) {
      plan.set(conv.call, known.choose(conv.call).name);
    }
  }
  return plan;
}

ConvPlan measure(Task& task, const ConvSetup& setup, TrainContext& context) {
  const auto convs =
      rehearse(task, setup.batch, setup.precision, context.device);
  RememberedWays memory(context.files, context.conv_memory,
                        probe_identity(context.device));
  const double start_s = context.clock.now_s();
  const auto verdicts = probe_convs(unknown(convs, memory.plan()), conv_ways(),
                                    context.device, {}, context.clock);
  if (!verdicts.empty()) {  // What the probe took is not the run's.
    release_freed_memory();
    restart_peak();
  }
  tell(verdicts, context.clock.now_s() - start_s);
  memory.add(verdicts, context.clock);
  return part_of(memory.plan(), convs);
}

// COLLECTIVE. Rank 0's plan.
ConvPlan broadcast_plan(Communicator& control, const ConvPlan& mine) {
  const std::string text = mine.to_json().dump();
  const auto letters = as_bytes(text);
  std::vector<std::byte> bytes(letters.begin(), letters.end());
  broadcast_bytes(control, &bytes);
  return ConvPlan::from_json(parse_json(as_text(bytes), "rank 0"), "rank 0");
}

}  // namespace

std::vector<ObservedConv> rehearse(Task& task, const MadeUpBatch& batch,
                                   const std::string& precision,
                                   const torch::Device& device) {
  const Batch made_up = make_up_batch(batch, device);
  const AutocastScope scope(precision, device);
  task.model().eval();
  std::vector<double> sums(task.sum_names().size());
  auto convs = observe_convs(task.model(), [&] { task.loss(made_up, sums); });
  task.model().train();
  return convs;
}

ConvPlan plan_convs(Task& task, const ConvSetup& setup, TrainContext& context) {
  if (setup.choice == "rules") {
    return {};
  }
  ConvPlan plan;
  run_alike(context.control, [&] {
    if (context.is_root()) {
      plan = measure(task, setup, context);
    }
  });
  return broadcast_plan(context.control, plan);
}

}  // namespace voxlift::trainer
