#include "trainer/infer/predict_run.h"

#include <functional>
#include <iostream>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/progress.h"
#include "base/strings.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kMadeWith = "predict.json";

std::string record_path(const std::string& out, const std::string& id) {
  return join_path(join_path(out, "records"), id + ".json");
}

// Throws ConfigError if `out` belongs to other predictions.
void claim_folder(const PredictPlan& plan, Files& files) {
  const std::string path = join_path(plan.out, kMadeWith);
  if (!files.exists(path)) {
    files.make_dirs(plan.out);
    files.publish(path, plan.made_with.dump(2) + "\n");
    return;
  }
  const Json before = parse_json(as_text(files.read(path)), path);
  for (const auto& [key, value] : plan.made_with.items()) {
    if (key != "digest" && (!before.contains(key) || before[key] != value)) {
      throw ConfigError(
          str_cat("'", plan.out, "' holds predictions made with ", key, " ",
                  before.contains(key) ? before[key].dump() : "unknown",
                  ", not ", value.dump(), ": give another --out"));
    }
  }
}

// Of every scan: is it done? Rank 0 looks.
std::vector<bool> find_done(const PredictPlan& plan, const Files& files,
                            Communicator& control) {
  std::vector<int64_t> done(plan.scans.size(), 0);
  if (control.rank() == 0) {
    for (size_t i = 0; i < done.size(); ++i) {
      done[i] = files.exists(record_path(plan.out, plan.scans[i].id)) ? 1 : 0;
    }
  }
  control.broadcast(buffer_of(std::span(done)), 0);
  return {done.begin(), done.end()};
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return quoted + "\"";
}

std::string csv_value(const Json& value) {
  return csv_field(value.is_string() ? value.get<std::string>() : value.dump());
}

// One rank's work, scan by scan.
class PredictLoop {
 public:
  PredictLoop(const PredictPlan& plan, ScanPredictor& predictor, Files& files,
              Communicator& control)
      : plan_(plan),
        predictor_(predictor),
        files_(files),
        control_(control),
        failed_(plan.scans.size(), 0) {}

  // By this rank alone.
  void predict_alone(size_t i) {
    SelfComm alone;
    std::optional<Prediction> prediction;
    const std::string problem =
        attempt([&] { prediction = predictor_.predict(prepare(i), alone); });
    if (prediction.has_value()) {
      publish(i, *prediction);
    } else {
      leave_out(i, problem);
    }
  }

  // COLLECTIVE. By all ranks together.
  void predict_together(size_t i) {
    std::optional<PreparedScan> scan;
    std::optional<Prediction> prediction;
    const std::string problem = attempt([&] { scan.emplace(prepare(i)); });
    if (anybody_fails(i, problem)) {
      return;
    }
    // What is wrong with a scan that all can read is wrong for all of them,
    // before they need each other.
    const std::string misfit =
        attempt([&] { prediction = predictor_.predict(*scan, control_); });
    if (!anybody_fails(i, misfit) && control_.rank() == 0) {
      publish(i, *prediction);
    }
  }

  // COLLECTIVE. Ids that some rank has failed to read.
  std::vector<std::string> gather_failed() {
    control_.all_reduce_sum(buffer_of(std::span(failed_)));
    std::vector<std::string> ids;
    for (size_t i = 0; i < failed_.size(); ++i) {
      if (failed_[i] > 0) {
        ids.push_back(plan_.scans[i].id);
      }
    }
    return ids;
  }

 private:
  PreparedScan prepare(size_t i) const {
    return {plan_.scans[i].file, plan_.recipe, plan_.transform};
  }

  // What is wrong with the input, in one line; empty: nothing.
  static std::string attempt(const std::function<void()>& work) {
    try {
      work();
    } catch (const DataError& error) {
      return str_cat(error.kind(), ": ", error.what());
    } catch (const IoError& error) {
      return str_cat(error.kind(), ": ", error.what());
    }
    return "";
  }

  // COLLECTIVE. The first rank with a problem tells it.
  bool anybody_fails(size_t i, const std::string& problem) {
    const int64_t from_last =
        problem.empty() ? 0 : control_.size() - control_.rank();
    const int64_t first = all_reduce_max(control_, from_last);
    if (first > 0 && first == from_last) {
      leave_out(i, problem);
    }
    return first > 0;
  }

  void leave_out(size_t i, const std::string& problem) {
    failed_[i] = 1;
    std::cerr << str_cat("voxlift predict: left out ", plan_.scans[i].id, ": ",
                         problem, "\n");
  }

  void publish(size_t i, const Prediction& prediction) {
    const std::string& id = plan_.scans[i].id;
    const std::string path = join_path(plan_.out, id);
    const std::string record = record_path(plan_.out, id);
    files_.make_dirs(parent_dir(path));
    files_.make_dirs(parent_dir(record));
    for (const PredictionFile& file : prediction.files) {
      files_.publish(path + file.extension, as_text(file.bytes));
    }
    Json values = {{"scan", id}};
    for (const auto& [name, value] : prediction.values) {
      values[name] = value;
    }
    files_.publish(record, values.dump(2) + "\n");
  }

  const PredictPlan& plan_;
  ScanPredictor& predictor_;
  Files& files_;
  Communicator& control_;
  std::vector<int64_t> failed_;
};

std::vector<size_t> not_done(const std::vector<bool>& done) {
  std::vector<size_t> left;
  for (size_t i = 0; i < done.size(); ++i) {
    if (!done[i]) {
      left.push_back(i);
    }
  }
  return left;
}

// The table of all scans that have a record, in the order of the list.
void publish_table(const PredictPlan& plan, const std::string& name,
                   Files& files) {
  std::string text;
  for (const ScanToPredict& scan : plan.scans) {
    const std::string path = record_path(plan.out, scan.id);
    if (!files.exists(path)) {
      continue;
    }
    const Json record = parse_json(as_text(files.read(path)), path);
    std::vector<std::string> header;
    std::vector<std::string> row;
    for (const auto& [key, value] : record.items()) {
      header.push_back(csv_field(key));
      row.push_back(csv_value(value));
    }
    text += text.empty() ? str_join(header, ",") + "\n" : "";
    text += str_join(row, ",") + "\n";
  }
  files.publish(join_path(plan.out, name), text);
}

}  // namespace

PredictOutcome run_predictions(const PredictPlan& plan,
                               ScanPredictor& predictor, Files& files,
                               Communicator& control, const Clock& clock) {
  run_alike(control, [&] {
    if (control.rank() == 0) {
      claim_folder(plan, files);
    }
  });
  const std::vector<size_t> left = not_done(find_done(plan, files, control));
  const auto size = static_cast<size_t>(control.size());
  const size_t shared = predictor.shares_scans() ? left.size() % size : 0;
  PredictLoop loop(plan, predictor, files, control);
  ProgressLine progress("predict", "scan",
                        static_cast<int64_t>(plan.scans.size()),
                        control.rank() != 0, clock);
  auto seen = static_cast<int64_t>(plan.scans.size() - left.size());
  progress.update(seen);
  for (size_t i = static_cast<size_t>(control.rank()); i < left.size() - shared;
       i += size) {
    loop.predict_alone(left[i]);
    progress.update(seen += control.size());
  }
  for (size_t i = left.size() - shared; i < left.size(); ++i) {
    loop.predict_together(left[i]);
    progress.update(++seen);
  }
  PredictOutcome outcome;
  outcome.failed = loop.gather_failed();
  outcome.kept = static_cast<int64_t>(plan.scans.size() - left.size());
  outcome.done = static_cast<int64_t>(left.size() - outcome.failed.size());
  if (control.rank() == 0) {
    publish_table(plan, predictor.table_name(), files);
  }
  control.barrier();
  progress.finish();
  return outcome;
}

}  // namespace voxlift::trainer
