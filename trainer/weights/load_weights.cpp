#include "trainer/weights/load_weights.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"
#include "trainer/weights/pth.h"
#include "trainer/weights/published_names.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kCounter = "num_batches_tracked";
// Of networks whose parts have no names of their own (genesis_unet3d).
constexpr const char* kLastLayer = "out_tr.";

bool is_of_backbone(const std::string& name) {
  return name.starts_with("backbone.");
}

void append_list(const char* title, const std::vector<std::string>& names,
                 size_t max_names, std::string* text) {
  *text += str_cat("  ", title, ": ", names.size());
  for (size_t i = 0; i < names.size() && i < max_names; ++i) {
    *text += str_cat("\n    ", names[i]);
  }
  if (names.size() > max_names) {
    *text += str_cat("\n    ... and ", names.size() - max_names, " more");
  }
  *text += "\n";
}

// Copies `found` into the network's `target`, or reports why not.
void match_one(const std::string& name, const torch::Tensor& found,
               torch::Tensor target, const ConvertConfig& config,
               MatchReport* report) {
  const torch::Tensor fitting = converted(found, target.sizes().vec(), config);
  if (fitting.sizes() != target.sizes()) {
    report->reshaped.push_back(str_cat(name, ": file ", shape_text(found),
                                       ", network ", shape_text(target)));
    return;
  }
  target.copy_(fitting);
  if (name.ends_with(kCounter)) {
    report->counters.push_back(name);
    return;
  }
  report->matched.push_back(name);
  if (found.sizes() != fitting.sizes()) {
    report->converted.push_back(
        str_cat(name, ": ", shape_text(found), " as ", shape_text(fitting)));
  }
}

// The last checkpoint of the run in `path` where that is a finished run's
// folder, else `path`.
std::string checkpoint_of_run(const Files& files, const std::string& path) {
  const std::string result = join_path(path, "result.json");
  if (files.exists(result)) {
    const Json json = parse_json(as_text(files.read(result)), result);
    const auto written = json_get<std::string>(json, "checkpoint", result);
    // The folder may have been moved since.
    return join_path(join_path(path, "checkpoints"), base_name(written));
  }
  if (files.exists(join_path(path, "checkpoints"))) {
    throw ConfigError(str_cat("'", path, "' is a run that has not finished: ",
                              "there is no '", result, "'"));
  }
  return path;
}

std::string weight_file(const Files& files, const std::string& path) {
  return files.is_dir(path)
             ? join_path(checkpoint_of_run(files, path), "model.safetensors")
             : path;
}

}  // namespace

TensorMap read_weight_file(const Files& files, const std::string& path) {
  const std::string file = weight_file(files, path);
  const std::vector<std::byte> bytes = files.read(file);
  return is_pth(bytes) ? parse_pth(bytes, file)
                       : parse_safetensors(bytes, file);
}

double MatchReport::matched_frac() const {
  const size_t all = matched.size() + missing.size() + reshaped.size();
  return all == 0
             ? 0.0
             : static_cast<double>(matched.size()) / static_cast<double>(all);
}

std::string MatchReport::text(size_t max_names) const {
  std::string text = str_cat("  matched: ", matched.size(), "\n");
  const auto add = [&](const char* title,
                       const std::vector<std::string>& names) {
    append_list(title, names, max_names, &text);
  };
  if (!converted.empty()) {
    add("of these converted", converted);
  }
  add("missing (kept as initialised)", missing);
  add("unexpected (in the file, not used)", unexpected);
  add("of another shape (kept as initialised)", reshaped);
  add("skipped (what is not the backbone starts anew)", skipped);
  return text;
}

MatchReport match_weights(torch::nn::Module& model, const TensorMap& source,
                          const MatchConfig& config) {
  const torch::NoGradGuard no_grad;
  const TensorMap ours = named_tensors(model);
  std::set<std::string> known;
  for (const auto& [name, tensor] : ours) {
    known.insert(name);
  }
  const TensorMap renamed = with_network_names(source, known);
  const std::map<std::string, torch::Tensor> by_name(renamed.begin(),
                                                     renamed.end());
  const bool has_backbone =
      std::any_of(known.begin(), known.end(), is_of_backbone);
  MatchReport report;
  for (const auto& [name, tensor] : ours) {
    const auto found = by_name.find(name);
    const bool starts_anew =
        has_backbone ? !is_of_backbone(name) : name.starts_with(kLastLayer);
    if (!config.load_head && starts_anew) {
      report.skipped.push_back(name);
    } else if (found != by_name.end()) {
      match_one(name, found->second, tensor, config.convert, &report);
    } else if (!name.ends_with(kCounter)) {
      report.missing.push_back(name);
    }
  }
  for (const auto& [name, tensor] : renamed) {
    if (!known.contains(name)) {
      report.unexpected.push_back(name);
    }
  }
  return report;
}

}  // namespace voxlift::trainer
