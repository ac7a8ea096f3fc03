#include "trainer/report/step_report.h"

#include <array>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

template <typename... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

}  // namespace

StepReport::StepReport(const std::string& out_dir,
                       std::vector<std::string> sum_names,
                       int64_t total_samples, const Clock& clock)
    : sum_names_(std::move(sum_names)),
      clock_(clock),
      progress_("train", "img", total_samples, out_dir.empty(), clock) {
  if (!out_dir.empty()) {
    log_ = std::make_unique<JsonLines>(join_path(out_dir, "log.jsonl"));
  }
}

void StepReport::start(const RunState& state, int world_size) {
  log_->append(
      {{"type", "start"}, {"step", state.step}, {"world_size", world_size}});
  progress_.update(state.samples_seen);
}

void StepReport::step(const RunState& state, const RunPosition& position,
                      const StepTotals& totals, const StepTiming& timing) {
  compute_s_ += timing.step_s;
  const double data_wait = timing.data_wait_s - data_wait_s_;
  const double comm_wait = timing.comm_wait_s - comm_wait_s_;
  data_wait_s_ = timing.data_wait_s;
  comm_wait_s_ = timing.comm_wait_s;
  const auto samples = static_cast<double>(totals.samples);
  Json line = {{"type", "step"},
               {"step", state.step},
               {"epoch", position.epoch},
               {"samples", totals.samples},
               {"lr", timing.lr}};
  for (size_t i = 0; i < sum_names_.size(); ++i) {
    line[sum_names_[i]] = totals.sums[i] / samples;
  }
  line["grad_norm"] = totals.grad_norm;
  if (totals.loss_scale != 1.0) {
    line["loss_scale"] = totals.loss_scale;
  }
  if (!totals.skipped.empty()) {
    line["skipped"] = totals.skipped;
  }
  line["step_s"] = timing.step_s;
  line["img_per_s"] = samples / timing.step_s;
  line["data_wait_s"] = data_wait;
  line["comm_wait_s"] = comm_wait;
  log_->append(line);
  progress_.update(
      state.samples_seen + totals.samples,
      formatted("epoch %lld/%lld  loss %.4f  lr %.4g  data wait %.1f %%",
                static_cast<long long>(position.epoch + 1),
                static_cast<long long>(position.num_epochs),
                totals.sums.front() / samples, timing.lr,
                100.0 * data_wait_s_ / compute_s_));
}

void StepReport::evaluation(const RunState& state) {
  Json line = {{"type", "evaluation"}, {"step", state.step}};
  line.update(state.scores);
  log_->append(line);
  Json shown = state.scores;
  shown.erase("confusion");
  log_info("evaluation: " + shown.dump());
}

void StepReport::checkpoint(const CheckpointReport& report) {
  if (log_ != nullptr) {
    log_->append({{"type", "checkpoint"},
                  {"step", report.step},
                  {"bytes", report.bytes},
                  {"wall_s", report.wall_s},
                  {"stall_s", report.stall_s}});
  }
}

void StepReport::end(const RunState& state, bool finished) {
  log_->append(
      {{"type", finished ? "finished" : "stopped"},
       {"step", state.step},
       {"data_wait_frac", compute_s_ > 0.0 ? data_wait_s_ / compute_s_ : 0.0}});
  progress_.finish(finished ? "finished" : "stopped: checkpoint written");
}

}  // namespace voxlift::trainer
