#include "trainer/weights/load_weights.h"

#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"
#include "trainer/weights/pth.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kCounter = "num_batches_tracked";

std::string without_prefix(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

// The name in our network of a tensor called `name` in a published file.
std::string network_name(const std::string& name) {
  const std::string bare = without_prefix(name, "module.");
  if (bare.starts_with("backbone.") || bare.starts_with("head.")) {
    return bare;
  }
  return bare.starts_with("fc.") ? "head." + bare : "backbone." + bare;
}

void append_list(const char* title, const std::vector<std::string>& names,
                 std::string* text) {
  constexpr size_t kMaxShown = 8;
  *text += str_cat("  ", title, ": ", names.size());
  for (size_t i = 0; i < names.size() && i < kMaxShown; ++i) {
    *text += str_cat("\n    ", names[i]);
  }
  if (names.size() > kMaxShown) {
    *text += str_cat("\n    ... and ", names.size() - kMaxShown, " more");
  }
  *text += "\n";
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

std::string MatchReport::text() const {
  std::string text = str_cat("  matched: ", matched.size(), "\n");
  append_list("missing (kept as initialised)", missing, &text);
  append_list("unexpected (in the file, not used)", unexpected, &text);
  append_list("of another shape (kept as initialised)", reshaped, &text);
  append_list("skipped (the head starts anew)", skipped, &text);
  return text;
}

MatchReport match_weights(torch::nn::Module& model, const TensorMap& source,
                          const MatchConfig& config) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> by_name;
  for (const auto& [name, tensor] : source) {
    by_name[network_name(name)] = tensor;
  }
  MatchReport report;
  std::set<std::string> known;
  for (auto& [name, tensor] : named_tensors(model)) {
    known.insert(name);
    const auto found = by_name.find(name);
    const bool counter = name.ends_with(kCounter);
    if (!config.load_head && !name.starts_with("backbone.")) {
      report.skipped.push_back(name);
    } else if (found == by_name.end()) {
      if (!counter) {
        report.missing.push_back(name);
      }
    } else if (found->second.sizes() != tensor.sizes()) {
      report.reshaped.push_back(str_cat(name, ": file ",
                                        shape_text(found->second), ", network ",
                                        shape_text(tensor)));
    } else {
      torch::Tensor target = tensor;
      target.copy_(found->second);
      if (!counter) {
        report.matched.push_back(name);
      }
    }
  }
  for (const auto& [name, tensor] : by_name) {
    if (!known.contains(name)) {
      report.unexpected.push_back(name);
    }
  }
  return report;
}

}  // namespace voxlift::trainer
