#include "trainer/checkpoint/checkpoint_saver.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/crc32c.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr double kTurnS = 2.0;
constexpr int64_t kWorking = -1;
// What the ranks tell each other: exit code or kWorking, two checksums.
constexpr size_t kWidth = 3;

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

void check_finite(const TensorShare& share, int64_t step) {
  const std::string name = share.not_finite();
  if (!name.empty()) {
    throw ConfigError(
        str_cat("'", name, "' is not finite after step ", step,
                ": lower schedule.lr or raise schedule.warmup_steps; no "
                "checkpoint of it is written"));
  }
}

}  // namespace

CheckpointSaver::CheckpointSaver(Communicator& control, CheckpointStore& store,
                                 const Clock& clock, const Options& options)
    : control_(control), store_(store), clock_(clock), options_(options) {}

CheckpointSaver::~CheckpointSaver() = default;

// ---- on the training's thread ----

void CheckpointSaver::start(SaveRequest request) {
  VOXLIFT_CHECK(!busy(), "one checkpoint at a time");
  request_ = std::move(request);
  started_s_ = clock_.now_s();
  copied_ = false;
  begin(Phase::kCopy);
}

void CheckpointSaver::begin(Phase phase) {
  worker_.reset();  // Has ended.
  phase_ = phase;
  result_ = {};
  worker_ = std::make_unique<Worker>(
      "checkpoint", [this, phase](const std::stop_token&) { work(phase); });
}

void CheckpointSaver::wait_copied() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return copied_; });
}

void CheckpointSaver::wait_worked(double at_most_s) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(at_most_s),
                    [this] { return result_.code.has_value(); });
}

CheckpointSaver::Agreement CheckpointSaver::agree() {
  std::array<int64_t, kWidth> mine = {kWorking, 0, 0};
  {
    const std::scoped_lock lock(mutex_);
    if (result_.code.has_value()) {
      mine = {static_cast<int64_t>(*result_.code), result_.model_crc,
              result_.optimizer_crc};
    }
  }
  Agreement agreement;
  agreement.values.resize(kWidth * static_cast<size_t>(control_.size()));
  control_.all_gather(buffer_of(std::span(mine)), buffer_of(agreement.values));
  for (size_t i = 0; i < agreement.values.size(); i += kWidth) {
    const int64_t code = agreement.values[i];
    agreement.all_ended = agreement.all_ended && code != kWorking;
    if (agreement.code == ExitCode::kOk && code > 0) {
      agreement.code = static_cast<ExitCode>(code);
    }
  }
  return agreement;
}

std::optional<SaveOutcome> CheckpointSaver::poll() {
  if (!busy()) {
    return std::nullopt;
  }
  Agreement agreement = agree();
  if (!agreement.all_ended) {
    return std::nullopt;
  }
  if (agreement.code != ExitCode::kOk) {
    return fail(agreement.code);
  }
  if (phase_ == Phase::kWrite) {
    checksums_ = std::move(agreement.values);
  }
  return advance();
}

std::optional<SaveOutcome> CheckpointSaver::advance() {
  if (phase_ == Phase::kPublish || single_writer()) {
    return end();
  }
  begin(phase_ == Phase::kCopy ? Phase::kWrite : Phase::kPublish);
  return std::nullopt;
}

SaveOutcome CheckpointSaver::end() {
  phase_ = Phase::kIdle;
  worker_.reset();
  return {.step = request_.step,
          .bytes = model_.file_bytes() + optimizer_.file_bytes(),
          .wall_s = clock_.now_s() - started_s_,
          .code = ExitCode::kOk,
          .message = {}};
}

SaveOutcome CheckpointSaver::fail(ExitCode code) {
  SaveOutcome outcome = end();
  outcome.code = code;
  const auto messages = all_gather_bytes(control_, as_bytes(result_.message));
  const auto first =
      std::find_if(messages.begin(), messages.end(),
                   [](const auto& message) { return !message.empty(); });
  outcome.message = std::string(as_text(*first));
  if (is_root()) {
    store_.abandon(request_.step);
  }
  return outcome;
}

SaveOutcome CheckpointSaver::wait() {
  while (true) {
    wait_worked(kTurnS);
    if (const auto outcome = poll()) {
      return *outcome;
    }
  }
}

int CheckpointSaver::num_writers() const {
  return options_.alone ? 1 : control_.size();
}

// Known once the copy has been laid out.
bool CheckpointSaver::single_writer() const {
  return num_writers() == 1 ||
         std::max(model_.file_bytes(), optimizer_.file_bytes()) <=
             options_.align_bytes;
}

// ---- on this rank's thread ----

void CheckpointSaver::work(Phase phase) {
  try {
    if (phase == Phase::kCopy) {
      copy();
      prepare();
    }
    if (phase == Phase::kWrite || single_writer()) {
      write();
    }
    if (phase == Phase::kPublish || single_writer()) {
      publish();
    }
    finish_work(ExitCode::kOk, {});
  } catch (const Error& error) {
    finish_work(error.code(), error.what());
  } catch (const std::exception& error) {
    finish_work(ExitCode::kInternal, error.what());
  }
}

void CheckpointSaver::finish_work(ExitCode code, const std::string& message) {
  const std::scoped_lock lock(mutex_);
  copied_ = true;  // Or it never will be.
  result_.code = code;
  if (code != ExitCode::kOk) {
    const std::string who =
        control_.size() == 1
            ? std::string()
            : str_cat("rank ", control_.rank(), " on ", host_name(), ": ");
    result_.message = str_cat(who, "checkpoint of step ", request_.step,
                              " not written: ", message);
  }
  changed_.notify_all();
}

void CheckpointSaver::copy() {
  // A rank behind the last writer has an empty part.
  const int rank = std::min(control_.rank(), num_writers());
  model_.lay_out(std::move(request_.model), rank, num_writers(),
                 options_.align_bytes);
  optimizer_.lay_out(std::move(request_.optimizer), rank, num_writers(),
                     options_.align_bytes);
  model_.copy();
  optimizer_.copy();
  const std::scoped_lock lock(mutex_);
  copied_ = true;
  changed_.notify_all();
}

void CheckpointSaver::prepare() {
  check_finite(model_, request_.step);
  check_finite(optimizer_, request_.step);
  if (is_root()) {
    store_.prepare(request_.step, model_.file_bytes(), optimizer_.file_bytes());
  }
}

uint32_t CheckpointSaver::write_file(const char* name,
                                     const TensorShare& share) {
  if (!share.range().empty()) {
    store_.write_share(request_.step, name, share.range().begin, share.bytes());
  }
  return crc32c(share.bytes());
}

void CheckpointSaver::write() {
  const uint32_t model = write_file(kModelFile, model_);
  const uint32_t optimizer = write_file(kOptimizerFile, optimizer_);
  if (single_writer()) {
    checksums_ = {0, model, optimizer};
  }
  const std::scoped_lock lock(mutex_);
  result_.model_crc = model;
  result_.optimizer_crc = optimizer;
}

// `which` of each rank's values is the checksum of its part.
ManifestFile CheckpointSaver::manifest_of(const char* name,
                                          const TensorShare& share,
                                          size_t which) const {
  ManifestFile file{.name = name, .pieces = {}};
  for (int rank = 0; rank < num_writers(); ++rank) {
    const ByteRange range = share_of_rank(share.file_bytes(), rank,
                                          num_writers(), options_.align_bytes);
    if (!range.empty()) {
      const size_t index = kWidth * static_cast<size_t>(rank) + which;
      file.pieces.push_back(
          {range.size(), static_cast<uint32_t>(checksums_[index])});
    }
  }
  return file;
}

void CheckpointSaver::publish() {
  if (is_root()) {
    store_.publish(request_.step,
                   {.files = {manifest_of(kModelFile, model_, 1),
                              manifest_of(kOptimizerFile, optimizer_, 2)}},
                   request_.state, request_.protected_steps);
  }
}

}  // namespace voxlift::trainer
