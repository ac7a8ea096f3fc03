#include "trainer/checkpoint/checkpoint_store.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kFormat = "voxlift-checkpoint";
constexpr int64_t kVersion = 1;
constexpr const char* kPrefix = "step_";
constexpr const char* kTemporary = "tmp_";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";
constexpr const char* kStateFile = "state.json";
constexpr const char* kManifestFile = "manifest.json";
constexpr int kCrcDigits = 8;

using Pieces = std::vector<std::span<const std::byte>>;

Json manifest_entry(const std::string& name, const Pieces& pieces) {
  uint32_t crc = 0;
  uint64_t bytes = 0;
  for (const auto& piece : pieces) {
    crc = crc32c(piece, crc);
    bytes += piece.size();
  }
  return {{"name", name}, {"bytes", bytes}, {"crc32c", hex(crc, kCrcDigits)}};
}

std::string step_name(int64_t step) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%s%08lld", kPrefix,
                static_cast<long long>(step));
  return name.data();
}

// Reads `entry`'s file below `dir` and compares it with the manifest.
std::vector<std::byte> read_checked(const Files& files, const std::string& dir,
                                    const Json& manifest,
                                    const std::string& name) {
  const std::string path = join_path(dir, name);
  for (const Json& entry : manifest.at("files")) {
    if (json_get<std::string>(entry, "name", path) != name) {
      continue;
    }
    std::vector<std::byte> bytes = files.read(path);
    const auto expected_bytes = json_get<uint64_t>(entry, "bytes", path);
    if (bytes.size() != expected_bytes) {
      throw DataError(str_cat("'", path, "' has ", bytes.size(),
                              " bytes, the manifest says ", expected_bytes));
    }
    const auto expected = json_get<std::string>(entry, "crc32c", path);
    const std::string found = hex(crc32c(bytes), kCrcDigits);
    if (found != expected) {
      throw DataError(str_cat("'", path, "' has checksum ", found,
                              ", the manifest says ", expected));
    }
    return bytes;
  }
  throw DataError(str_cat("'", dir, "': the manifest has no '", name, "'"));
}

Json read_manifest(const Files& files, const std::string& dir) {
  constexpr int64_t kMaxBytes = 1 << 20;
  const std::string path = join_path(dir, kManifestFile);
  const std::vector<std::byte> bytes = files.read(path, kMaxBytes);
  Json manifest = parse_json(as_text(bytes), path);
  const auto format = json_get<std::string>(manifest, "format", path);
  const auto version = json_get<int64_t>(manifest, "version", path);
  if (format != kFormat || version > kVersion) {
    throw DataError(str_cat("'", path, "' is ", format, " version ", version,
                            "; this program reads ", kFormat, " up to version ",
                            kVersion));
  }
  if (!manifest.contains("files") || !manifest["files"].is_array()) {
    throw DataError(str_cat("'", path, "' lists no files"));
  }
  return manifest;
}

}  // namespace

void CheckpointConfig::validate(const std::string& path) const {
  if (every_steps < 0) {
    throw ConfigError(
        str_cat(path, "every_steps = ", every_steps, ": must be at least 0"));
  }
  if (keep < 1) {
    throw ConfigError(str_cat(path, "keep = ", keep, ": must be at least 1"));
  }
}

CheckpointStore::CheckpointStore(Files& files, std::string dir, int64_t keep)
    : files_(files), dir_(std::move(dir)), keep_(keep) {}

std::string CheckpointStore::path_of(int64_t step) const {
  return join_path(dir_, step_name(step));
}

void CheckpointStore::write_files(const std::string& dir,
                                  const Checkpoint& checkpoint) {
  const SafetensorsImage model(checkpoint.model);
  const SafetensorsImage optimizer(checkpoint.optimizer);
  const std::string state = checkpoint.state.dump(2) + "\n";
  Json manifest = {{"format", kFormat}, {"version", kVersion}};
  const auto write = [&](const char* name, const Pieces& pieces) {
    files_.write_durable(join_path(dir, name), pieces);
    manifest["files"].push_back(manifest_entry(name, pieces));
  };
  write(kModelFile, model.pieces());
  write(kOptimizerFile, optimizer.pieces());
  write(kStateFile, {as_bytes(state)});
  files_.publish(join_path(dir, kManifestFile), manifest.dump(2) + "\n");
}

void CheckpointStore::remove_quietly(const std::string& path) {
  try {
    files_.remove_all(path);
  } catch (const IoError& error) {
    log_warning(error.what());
  }
}

void CheckpointStore::save(int64_t step, const Checkpoint& checkpoint) {
  const std::string temporary = join_path(dir_, kTemporary + step_name(step));
  try {
    files_.remove_all(temporary);
    files_.make_dirs(temporary);
    write_files(temporary, checkpoint);
    files_.remove_all(path_of(step));
    files_.rename_durable(temporary, path_of(step));
  } catch (IoError& error) {
    remove_quietly(temporary);
    error.add_context(str_cat("checkpoint of step ", step, " not written"));
    throw;
  }
  remove_older_than(step);
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> found;
  if (!files_.exists(dir_)) {
    return found;
  }
  for (const std::string& name : files_.list_dir(dir_)) {
    if (name.starts_with(kPrefix)) {
      const auto step =
          parse_int(std::string_view(name).substr(std::string(kPrefix).size()));
      if (step.has_value()) {
        found.push_back(*step);
      }
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

// Newer ones are not counted: a run that had to go back behind damaged ones
// must not lose what it saves now to them.
void CheckpointStore::remove_older_than(int64_t saved_step) {
  int64_t kept = 0;
  for (const int64_t step : steps()) {
    if (step <= saved_step && ++kept > keep_) {
      files_.remove_all(path_of(step));
    }
  }
}

Checkpoint CheckpointStore::load(int64_t step) const {
  const std::string dir = path_of(step);
  const Json manifest = read_manifest(files_, dir);
  Checkpoint checkpoint;
  checkpoint.model =
      parse_safetensors(read_checked(files_, dir, manifest, kModelFile),
                        join_path(dir, kModelFile));
  checkpoint.optimizer =
      parse_safetensors(read_checked(files_, dir, manifest, kOptimizerFile),
                        join_path(dir, kOptimizerFile));
  checkpoint.state =
      parse_json(as_text(read_checked(files_, dir, manifest, kStateFile)),
                 join_path(dir, kStateFile));
  return checkpoint;
}

std::optional<int64_t> CheckpointStore::newest_good(
    std::vector<std::string>* problems) const {
  for (const int64_t step : steps()) {
    try {
      load(step);
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

void CheckpointWriter::save(int64_t step, Checkpoint checkpoint) {
  finish();
  busy_.store(true);
  worker_ = std::make_unique<Worker>(
      "checkpoint",
      [this, step,
       checkpoint = std::move(checkpoint)](const std::stop_token& /*stop*/) {
        store_.save(step, checkpoint);
        busy_.store(false);
      },
      [this](const std::exception_ptr& /*error*/) { busy_.store(false); });
}

void CheckpointWriter::poll() {
  if (!busy()) {
    finish();
  }
}

void CheckpointWriter::finish() {
  if (const auto worker = std::exchange(worker_, nullptr)) {
    worker->join();
  }
}

}  // namespace voxlift::trainer
