#include "trainer/weights/network_weights.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/weights/pth.h"
#include "trainer/weights/pth_write.h"
#include "trainer/weights/safetensors.h"
#include "trainer/weights/scored_weights.h"

namespace voxlift::trainer {
namespace {

// ---- reading ----

NetworkWeights from_checkpoint(CheckpointStore& store, int64_t step) {
  const std::string origin = store.path_of(step);
  const Checkpoint checkpoint = store.load(step);
  const Json identity = json_get<Json>(checkpoint.state, "identity", origin);
  return {scored_weights(checkpoint), json_get<Json>(identity, "model", origin),
          origin};
}

NetworkWeights from_run(Files& files, const std::string& path) {
  CheckpointStore store(files, join_path(path, "checkpoints"), 1);
  std::vector<std::string> problems;
  const auto step = store.newest_good(&problems);
  for (const std::string& problem : problems) {
    log_warning(problem);
  }
  if (!step.has_value()) {
    throw ConfigError(str_cat("'", path, "' has no good checkpoint"));
  }
  return from_checkpoint(store, *step);
}

NetworkWeights from_folder(Files& files, const std::string& path) {
  constexpr std::string_view kStep = "step_";
  const std::string name = base_name(path);
  const auto step = name.starts_with(kStep)
                        ? parse_int(name.substr(kStep.size()))
                        : std::nullopt;
  if (!step.has_value()) {
    return from_run(files, path);
  }
  CheckpointStore store(files, parent_dir(path), 1);
  return from_checkpoint(store, *step);
}

NetworkWeights from_file(Files& files, const std::string& path) {
  const std::vector<std::byte> bytes = files.read(path);
  if (is_pth(bytes)) {
    const std::string network = pth_network(bytes, path);
    return {parse_pth(bytes, path),
            network.empty() ? Json() : parse_json(network, path), path};
  }
  const Metadata metadata = parse_safetensors_metadata(bytes, path);
  const auto network = metadata.find(kNetworkKey);
  return {
      parse_safetensors(bytes, path),
      network == metadata.end() ? Json() : parse_json(network->second, path),
      path};
}

// ---- writing ----

constexpr std::string_view kPth = ".pth";
constexpr std::string_view kSafetensors = ".safetensors";

std::string bare_name(const std::string& name) {
  for (const std::string_view prefix : {"backbone.", "head."}) {
    if (name.starts_with(prefix)) {
      return name.substr(prefix.size());
    }
  }
  return name;
}

torch::ScalarType type_for(const torch::Tensor& tensor,
                           const std::string& dtype) {
  static const std::map<std::string, torch::ScalarType> kTypes = {
      {"float32", torch::kFloat32},
      {"float16", torch::kFloat16},
      {"bfloat16", torch::kBFloat16}};
  const auto found = kTypes.find(dtype);
  return tensor.is_floating_point() && found != kTypes.end()
             ? found->second
             : tensor.scalar_type();
}

TensorMap prepared(const NetworkWeights& weights, const WriteConfig& config) {
  TensorMap tensors;
  std::set<std::string> names;
  for (const auto& [name, tensor] : weights.tensors) {
    const std::string written = config.names == "bare" ? bare_name(name) : name;
    if (!names.insert(written).second) {
      throw DataError(str_cat("'", weights.origin, "': two tensors would be ",
                              "called '", written, "'"));
    }
    tensors.emplace_back(
        written,
        tensor.detach().cpu().to(type_for(tensor, config.dtype)).contiguous());
  }
  return tensors;
}

}  // namespace

NetworkWeights read_network_weights(Files& files, const std::string& path) {
  const std::string trimmed = path.size() > 1 && path.back() == '/'
                                  ? path.substr(0, path.size() - 1)
                                  : path;
  return files.is_dir(trimmed) ? from_folder(files, trimmed)
                               : from_file(files, trimmed);
}

void WriteConfig::validate(const std::string& path) const {
  const std::array<std::string, 4> types = {"keep", "float32", "float16",
                                            "bfloat16"};
  if (std::find(types.begin(), types.end(), dtype) == types.end()) {
    throw ConfigError(str_cat(path, "dtype = '", dtype, "': must be ",
                              "keep, float32, float16 or bfloat16"));
  }
  if (names != "full" && names != "bare") {
    throw ConfigError(
        str_cat(path, "names = '", names, "': must be full or bare"));
  }
}

void write_network_weights(const NetworkWeights& weights,
                           const WriteConfig& config, Files& files,
                           const std::string& path) {
  const std::string network =
      weights.network.is_null() ? "" : weights.network.dump();
  if (path.ends_with(kPth)) {
    files.publish(path, pth_file(prepared(weights, config), network));
    return;
  }
  if (!path.ends_with(kSafetensors)) {
    throw ConfigError(
        str_cat("'", path, "': must end in ", kSafetensors, " or ", kPth));
  }
  Metadata metadata;
  if (!network.empty()) {
    metadata[kNetworkKey] = network;
  }
  const SafetensorsImage image(prepared(weights, config), metadata);
  const std::string unfinished = path + ".tmp";
  files.write_durable(unfinished, image.pieces());
  files.rename_durable(unfinished, path);
}

}  // namespace voxlift::trainer
