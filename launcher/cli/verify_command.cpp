#include "launcher/cli/verify_command.h"

#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "sharding/shard_format.h"
#include "sharding/shard_reader.h"
#include "sharding/verify.h"
#include "trainer/checkpoint/verify_checkpoint.h"

namespace voxlift::launcher {
namespace {

struct VerifyOptions {
  std::string path;
  int64_t max_errors = 100;
};

// What was looked at, and what is wrong with it.
struct Findings {
  std::string looked_at;  // "3 shards, 600 samples, 4.2 MB".
  std::vector<std::string> problems;
};

OptionBinder bind(VerifyOptions& options) {
  OptionBinder binder("voxlift verify", false);
  binder.add("path", options.path,
             "data set, shard, checkpoint, folder of checkpoints or run.out");
  binder.add("max-errors", options.max_errors, "stop after so many problems");
  binder.set_positional("path");
  binder.require("path");
  return binder;
}

void print_help(const OptionBinder& binder) {
  print_command_help(
      {"voxlift verify PATH [OPTIONS]",
       "Reads a packed data set, one shard, or checkpoints completely, "
       "compares every\nchecksum and lists all problems. Exit code 3 if there "
       "is one.",
       {"voxlift verify packed", "voxlift verify packed/shard-00003.h5",
        "voxlift verify runs/r18"}},
      binder);
}

std::string size_text(int64_t shards, int64_t samples, int64_t bytes) {
  return str_cat(shards, " shards, ", samples, " samples, ",
                 human_bytes(static_cast<double>(bytes)));
}

Findings verify_data_set(const VerifyOptions& options) {
  const RealClock clock;
  std::unique_ptr<ProgressLine> progress;
  const sharding::VerifyReport report = sharding::verify_dataset(
      options.path,
      [&](int64_t done, int64_t of) {
        if (progress == nullptr) {
          progress = std::make_unique<ProgressLine>("verify", "file", of, false,
                                                    clock);
        }
        progress->update(done);
      },
      options.max_errors);
  if (progress != nullptr) {
    progress->finish();
  }
  Findings findings{
      size_text(report.num_shards, report.num_samples, report.num_bytes),
      report.problems};
  if (report.stopped_early) {
    findings.problems.push_back(
        str_cat("... and more: stopped after ", options.max_errors));
  }
  return findings;
}

Findings verify_shard(const VerifyOptions& options) {
  Findings findings;
  try {
    const sharding::ShardReader shard(options.path);
    findings.looked_at = size_text(1, shard.num_samples(), shard.num_bytes());
    for (int64_t i = 0; i < shard.num_samples(); ++i) {
      try {
        (void)shard.read(i, true);
      } catch (const Error& error) {
        findings.problems.emplace_back(error.what());
      }
    }
  } catch (const DataError& error) {
    findings.problems.emplace_back(error.what());
  }
  return findings;
}

Findings verify_checkpoints(const std::string& dir) {
  const RealFiles files;
  if (trainer::is_checkpoint_dir(dir, files)) {
    return {"1 checkpoints", trainer::verify_checkpoint(dir, files)};
  }
  const size_t count = trainer::checkpoints_in(dir, files).size();
  if (count == 0) {
    throw DataError(str_cat("'", dir, "' holds no ", sharding::kIndexFile,
                            ", manifest.json or step_* folder: nothing to "
                            "verify"));
  }
  return {str_cat(count, " checkpoints"), trainer::verify_run(dir, files)};
}

Findings verify_path(const VerifyOptions& options) {
  const RealFiles files;
  if (!files.is_dir(options.path)) {
    return verify_shard(options);
  }
  if (files.exists(join_path(options.path, sharding::kIndexFile))) {
    return verify_data_set(options);
  }
  return verify_checkpoints(options.path);
}

int run(std::span<const std::string> args) {
  VerifyOptions options;
  OptionBinder binder = bind(options);
  if (wants_help(args)) {
    print_help(binder);
    return 0;
  }
  binder.parse(args);
  const Findings findings = verify_path(options);
  for (const std::string& problem : findings.problems) {
    std::cout << problem << "\n";
  }
  if (!findings.problems.empty()) {
    throw DataError(str_cat("'", options.path, "' has ",
                            findings.problems.size(), " problems"));
  }
  std::cout << "'" << options.path << "' is good: " << findings.looked_at
            << "\n";
  return 0;
}

}  // namespace

Command make_verify_command() {
  return {"verify", "check every checksum of a data set or checkpoint", run};
}

}  // namespace voxlift::launcher
