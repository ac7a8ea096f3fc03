#include "trainer/checkpoint/checkpoint_store.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/checkpoint/retention.h"
#include "trainer/checkpoint/tensor_header.h"
#include "trainer/checkpoint/tensor_share.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

constexpr std::string_view kPrefix = "step_";
constexpr const char* kTemporary = "tmp_";
constexpr const char* kRemoved = "tmp_removed_";

std::string step_name(int64_t step) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "step_%08lld",
                static_cast<long long>(step));
  return name.data();
}

// The file `name` in `dir`, compared with the manifest.
std::vector<std::byte> read_checked(const Files& files, const std::string& dir,
                                    const Manifest& manifest,
                                    const std::string& name) {
  const ManifestFile& file = find_file(manifest, name, dir);
  const std::string path = join_path(dir, name);
  std::vector<std::byte> bytes = files.read(path);
  check_bytes(file, bytes, path);
  return bytes;
}

TensorShare whole_file(const TensorMap& tensors) {
  TensorShare share;
  share.lay_out(tensors, 0, 1, 1);
  share.copy();
  return share;
}

}  // namespace

CheckpointStore::CheckpointStore(Files& files, std::string dir, int64_t keep)
    : files_(files), dir_(std::move(dir)), keep_(keep) {}

std::string CheckpointStore::path_of(int64_t step) const {
  return join_path(dir_, step_name(step));
}

std::string CheckpointStore::unfinished_path(int64_t step) const {
  return join_path(dir_, str_cat(kTemporary, step_name(step), suffix_));
}

// ---- writing ----

void CheckpointStore::prepare(int64_t step, int64_t model_bytes,
                              int64_t optimizer_bytes) {
  const std::string dir = unfinished_path(step);
  files_.remove_all(dir);
  files_.make_dirs(dir);
  files_.preallocate(join_path(dir, kModelFile), model_bytes);
  files_.preallocate(join_path(dir, kOptimizerFile), optimizer_bytes);
}

void CheckpointStore::write_share(int64_t step, const std::string& name,
                                  int64_t offset,
                                  std::span<const std::byte> bytes) {
  files_.write_at_durable(join_path(unfinished_path(step), name), offset,
                          bytes);
}

void CheckpointStore::publish(int64_t step, Manifest manifest,
                              const Json& state,
                              const std::vector<int64_t>& protected_steps) {
  const std::string dir = unfinished_path(step);
  const std::string text = state.dump(2) + "\n";
  const std::array pieces = {as_bytes(text)};
  files_.write_durable(join_path(dir, kStateFile), pieces);
  manifest.files.push_back(manifest_file(kStateFile, as_bytes(text)));
  files_.publish(join_path(dir, kManifestFile), manifest.text());
  if (files_.exists(path_of(step))) {
    remove_folder(step);
  }
  files_.rename_durable(dir, path_of(step));
  for (const int64_t old :
       steps_to_remove(steps(), step, keep_, protected_steps)) {
    try {
      remove_folder(old);
    } catch (const IoError& error) {
      log_warning(error.what());
    }
  }
}

// By another name first: a folder that is called step_* is never half empty.
void CheckpointStore::remove_folder(int64_t step) {
  const std::string removed = join_path(dir_, kRemoved + step_name(step));
  files_.remove_all(removed);
  files_.rename_durable(path_of(step), removed);
  files_.remove_all(removed);
}

void CheckpointStore::remove_quietly(const std::string& path) {
  try {
    files_.remove_all(path);
  } catch (const IoError& error) {
    log_warning(error.what());
  }
}

void CheckpointStore::abandon(int64_t step) {
  remove_quietly(unfinished_path(step));
}

void CheckpointStore::save(int64_t step, const Checkpoint& checkpoint) {
  const TensorShare model = whole_file(checkpoint.model);
  const TensorShare optimizer = whole_file(checkpoint.optimizer);
  try {
    prepare(step, model.file_bytes(), optimizer.file_bytes());
    write_share(step, kModelFile, 0, model.bytes());
    write_share(step, kOptimizerFile, 0, optimizer.bytes());
    publish(step,
            {.files = {manifest_file(kModelFile, model.bytes()),
                       manifest_file(kOptimizerFile, optimizer.bytes())}},
            checkpoint.state);
  } catch (IoError& error) {
    abandon(step);
    error.add_context(str_cat("checkpoint of step ", step, " not written"));
    throw;
  }
}

// ---- reading ----

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> found;
  if (!files_.exists(dir_)) {
    return found;
  }
  for (const std::string& name : files_.list_dir(dir_)) {
    if (name.starts_with(kPrefix)) {
      const auto step =
          parse_int(std::string_view(name).substr(kPrefix.size()));
      if (step.has_value()) {
        found.push_back(*step);
      }
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

CheckpointBytes CheckpointStore::read(int64_t step) const {
  const std::string dir = path_of(step);
  const Manifest manifest = read_manifest(files_, dir);
  return {.model = read_checked(files_, dir, manifest, kModelFile),
          .optimizer = read_checked(files_, dir, manifest, kOptimizerFile),
          .state = read_checked(files_, dir, manifest, kStateFile)};
}

Checkpoint CheckpointStore::parse(int64_t step,
                                  const CheckpointBytes& bytes) const {
  const std::string dir = path_of(step);
  return {
      .model = parse_safetensors(bytes.model, join_path(dir, kModelFile)),
      .optimizer =
          parse_safetensors(bytes.optimizer, join_path(dir, kOptimizerFile)),
      .state = parse_json(as_text(bytes.state), join_path(dir, kStateFile))};
}

Checkpoint CheckpointStore::load(int64_t step) const {
  return parse(step, read(step));
}

// As load() would, without taking the tensors into memory.
void CheckpointStore::check(int64_t step) const {
  const std::string dir = path_of(step);
  const Manifest manifest = read_manifest(files_, dir);
  for (const char* name : {kModelFile, kOptimizerFile}) {
    check_file(files_, dir, find_file(manifest, name, dir));
    (void)read_tensor_headers(join_path(dir, name));
  }
  parse_json(as_text(read_checked(files_, dir, manifest, kStateFile)),
             join_path(dir, kStateFile));
}

std::optional<int64_t> CheckpointStore::newest_good(
    std::vector<std::string>* problems) const {
  for (const int64_t step : steps()) {
    try {
      check(step);
      return step;
    } catch (const Error& error) {
      problems->push_back(
          str_cat("checkpoint of step ", step, " is damaged: ", error.what()));
    }
  }
  return std::nullopt;
}

void CheckpointStore::remove_leftovers() {
  if (!files_.exists(dir_)) {
    return;
  }
  for (const std::string& name : files_.list_dir(dir_)) {
    if (name.starts_with(kTemporary)) {
      log_info(str_cat("removing '", name, "', left by a killed run"));
      files_.remove_all(join_path(dir_, name));
    }
  }
}

std::string CheckpointStore::probe_path() const {
  return join_path(dir_, str_cat(kTemporary, "probe", suffix_));
}

void CheckpointStore::leave_probe() {
  files_.make_dirs(dir_);
  files_.write_durable(probe_path(), {});
}

bool CheckpointStore::sees_probe() const {
  return files_.exists(probe_path());
}

void CheckpointStore::remove_probe() {
  remove_quietly(probe_path());
}

}  // namespace voxlift::trainer
