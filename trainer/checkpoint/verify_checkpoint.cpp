#include "trainer/checkpoint/verify_checkpoint.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/tensor_header.h"

namespace voxlift::trainer {
namespace {

constexpr std::string_view kStepPrefix = "step_";

// Runs `check`; what it throws is one line more.
void collect(std::vector<std::string>* problems,
             const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    problems->emplace_back(error.what());
  }
}

Json read_json(const Files& files, const std::string& path) {
  const std::vector<std::byte> bytes = files.read(path);
  return parse_json(as_text(bytes), path);
}

// The number in the name; nothing where a user has given it another one.
std::optional<int64_t> step_of(const std::string& dir) {
  const std::string name = base_name(dir);
  return name.starts_with(kStepPrefix)
             ? parse_int(name.substr(kStepPrefix.size()))
             : std::nullopt;
}

void check_step(const Json& state, const std::string& dir,
                const std::string& path) {
  const auto step = json_get<int64_t>(state, "step", path);
  const std::optional<int64_t> named = step_of(dir);
  if (named.has_value() && *named != step) {
    throw DataError(str_cat("'", path, "': step is ", step,
                            ", the folder's name says ", *named));
  }
}

void check_state(const Files& files, const std::string& dir) {
  const std::string path = join_path(dir, kStateFile);
  const Json state = read_json(files, path);
  check_step(state, dir, path);
  (void)json_get<int64_t>(state, "samples_seen", path);
  (void)json_get<int64_t>(state, "evaluated_step", path);
  (void)json_get<int64_t>(state, "world_size", path);
  (void)json_get<std::vector<std::string>>(state, "classes", path);
  if (!json_get<Json>(state, "config", path).is_object()) {
    throw DataError(str_cat("'", path, "': config is no object"));
  }
  const Json identity = json_get<Json>(state, "identity", path);
  for (const char* member : {"seed", "slots", "slot_batch", "reduction",
                             "steps_per_epoch", "data", "model"}) {
    (void)json_get<Json>(identity, member, path + ", identity");
  }
}

// What the file says, once its bytes are known to be those that were written.
void check_content(const Files& files, const std::string& dir,
                   const std::string& name) {
  if (name.ends_with(".safetensors")) {
    (void)read_tensor_headers(join_path(dir, name));
  } else if (name == kStateFile) {
    check_state(files, dir);
  }
}

// A run that has finished keeps that checkpoint, or later ones.
void check_result(const Files& files, const std::string& dir,
                  const std::string& path) {
  const auto steps = json_get<int64_t>(read_json(files, path), "steps", path);
  int64_t newest = -1;
  for (const std::string& checkpoint : checkpoints_in(dir, files)) {
    newest = std::max(newest, step_of(checkpoint).value_or(-1));
  }
  if (newest < steps) {
    throw DataError(str_cat("'", path, "': the run has ended after ", steps,
                            " steps, its newest checkpoint is of step ",
                            newest));
  }
}

void check_best(const Files& files, const std::string& dir,
                const std::string& path, std::vector<std::string>* problems) {
  const Json best = read_json(files, path);
  for (const Json& entry : json_get<Json>(best, "best", path)) {
    const auto named = json_get<std::string>(entry, "checkpoint", path);
    if (!files.is_dir(join_path(dir, named))) {
      problems->push_back(
          str_cat("'", path, "' names '", named, "', which is not there"));
    }
  }
}

}  // namespace

bool is_checkpoint_dir(const std::string& dir, const Files& files) {
  return files.exists(join_path(dir, kManifestFile));
}

std::vector<std::string> checkpoints_in(const std::string& dir,
                                        const Files& files) {
  const std::string below = join_path(dir, "checkpoints");
  const std::string& parent = files.is_dir(below) ? below : dir;
  std::vector<std::string> found;
  for (const std::string& name : files.list_dir(parent)) {
    const std::string path = join_path(parent, name);
    if (name.starts_with(kStepPrefix) && files.is_dir(path)) {
      found.push_back(path);
    }
  }
  return found;
}

std::vector<std::string> verify_checkpoint(const std::string& dir,
                                           const Files& files) {
  std::vector<std::string> problems;
  Manifest manifest;
  collect(&problems, [&] {
    manifest = read_manifest(files, dir);
    for (const char* name : {kModelFile, kOptimizerFile, kStateFile}) {
      collect(&problems, [&] { (void)find_file(manifest, name, dir); });
    }
  });
  for (const ManifestFile& file : manifest.files) {
    collect(&problems, [&] {
      check_file(files, dir, file);
      check_content(files, dir, file.name);
    });
  }
  return problems;
}

std::vector<std::string> verify_run(const std::string& dir,
                                    const Files& files) {
  std::vector<std::string> problems;
  for (const std::string& checkpoint : checkpoints_in(dir, files)) {
    for (std::string& problem : verify_checkpoint(checkpoint, files)) {
      problems.push_back(std::move(problem));
    }
  }
  const std::string result = join_path(dir, "result.json");
  if (files.exists(result)) {
    collect(&problems, [&] { check_result(files, dir, result); });
  }
  const std::string best = join_path(dir, "best.json");
  if (files.exists(best)) {
    collect(&problems, [&] { check_best(files, dir, best, &problems); });
  }
  return problems;
}

}  // namespace voxlift::trainer
