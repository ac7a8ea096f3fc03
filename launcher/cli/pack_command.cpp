#include "launcher/cli/pack_command.h"

#include <iostream>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/strings.h"
#include "dataio/manifest.h"
#include "dataio/recipe/recipe.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/pack_layouts.h"
#include "launcher/cli/rank_frame.h"
#include "sharding/decode_check.h"
#include "sharding/duplicates.h"
#include "sharding/pack.h"

namespace voxlift::launcher {
namespace {

using sharding::PackPlan;
using sharding::ShardSummary;

struct PackOptions {
  LayoutOptions layout;
  std::string out;
  bool dry_run = false;
  int64_t shard_mb = 256;
  bool replace = false;
  sharding::PackConfig pack;
};

OptionBinder bind(PackOptions& options) {
  OptionBinder binder("voxlift pack");
  bind_layout(binder, options.layout);
  binder.add("out", options.out, "folder of the packed data set");
  binder.add("shard-mb", options.shard_mb, "size of a shard in 10^6 bytes");
  binder.add("seed", options.pack.seed, "order of the samples");
  binder.add("recipe", options.pack.recipe,
             "steps for every scan, e.g. \"orient:RAS resample:1,1,1\"");
  binder.add("check", options.pack.check,
             "decode: every picture must decode; none");
  binder.add("jpeg-restarts", options.pack.jpeg_restarts,
             "rewrite JPEGs without loss so that crops decode faster");
  binder.add("on-error", options.pack.on_error,
             "fail, or skip files that do not decode");
  binder.add("replace", options.replace,
             "replace a finished data set made from other files");
  binder.add("dry-run", options.dry_run,
             "show what would be packed, and write nothing");
  binder.require("source");
  return binder;
}

void print_help(const OptionBinder& binder) {
  print_command_help(
      {"voxlift pack --source PATH --layout LAYOUT --out DIR [OPTIONS]",
       "Packs photographs or scans into HDF5 shards with an index and "
       "checksums.\nThe files' bytes are kept as they are. Run again after an "
       "interruption, it\nkeeps the finished shards. Under mpirun the ranks "
       "share the shards.\n" +
           layouts_help(),
       {"voxlift pack --source photos --layout folders --out packed",
        "voxlift pack --source imagenet --layout imagenet --split val --out "
        "val",
        "voxlift pack --source scans/train.csv --layout volumes --out scans "
        "\\\n"
        "    --recipe \"orient:RAS resample:1,1,1 clip:-1000,400\"",
        "voxlift pack --source lidc --layout lidc --split-fracs 0.8,0,0.2 "
        "--split test --dry-run",
        "mpirun -n 8 voxlift pack --source photos --out packed"}},
      binder);
}

PackOptions parse_options(std::span<const std::string> args) {
  PackOptions options;
  OptionBinder binder = bind(options);
  binder.parse(args);
  check_layout(options.layout, binder);
  if (options.out.empty() && !options.dry_run) {
    throw ConfigError("option 'out' is required");
  }
  if (options.shard_mb < 1) {
    throw ConfigError(str_cat("option 'shard-mb' is ", options.shard_mb,
                              ", expected at least 1"));
  }
  options.pack.shard_bytes = options.shard_mb * 1'000'000;
  options.pack.recipe = dataio::parse_recipe(options.pack.recipe).text();
  options.pack.validate("pack");
  return options;
}

void check_recipe(const sharding::PackConfig& config,
                  dataio::Modality modality) {
  if (modality == dataio::Modality::kPhotograph && !config.recipe.empty()) {
    throw ConfigError(str_cat("option 'recipe' is '", config.recipe,
                              "', but photographs are stored as they are"));
  }
}

void report_ignored(const dataio::Manifest& manifest) {
  constexpr size_t kShown = 5;
  const std::vector<std::string>& ignored = manifest.ignored;
  for (size_t i = 0; i < std::min(kShown, ignored.size()); ++i) {
    std::cerr << "voxlift pack: left out " << ignored[i] << "\n";
  }
  if (ignored.size() > kShown) {
    std::cerr << "voxlift pack: left out " << ignored.size() - kShown
              << " more files\n";
  }
}

void show_manifest(const dataio::Manifest& manifest,
                   const trainer::Communicator& comm) {
  if (comm.rank() == 0) {
    print_manifest(manifest, std::cout);
  }
}

std::string to_text(const std::optional<ShardSummary>& summary) {
  return summary ? sharding::summary_to_json(*summary).dump() : "";
}

// The summaries of one round, from the ranks that had a shard to pack.
void gather_round(trainer::Communicator& comm,
                  const std::optional<ShardSummary>& mine,
                  std::vector<ShardSummary>& all) {
  const std::string text = to_text(mine);
  for (const auto& piece : trainer::all_gather_bytes(comm, as_bytes(text))) {
    if (!piece.empty()) {
      all.push_back(sharding::summary_from_json(
          parse_json(as_text(piece), "summary of a rank"),
          "summary of a rank"));
    }
  }
}

int64_t samples_before(const PackPlan& plan, int64_t shard) {
  return shard < static_cast<int64_t>(plan.shards.size())
             ? plan.shards[static_cast<size_t>(shard)].begin
             : static_cast<int64_t>(plan.samples.size());
}

// Round by round, shard k goes to rank k mod size; all ranks get all summaries.
std::vector<ShardSummary> pack_shards(const PackPlan& plan,
                                      const std::string& dir,
                                      trainer::Communicator& comm,
                                      Files& files) {
  const auto num_shards = static_cast<int64_t>(plan.shards.size());
  const RealClock clock;
  ProgressLine progress("pack", "file",
                        static_cast<int64_t>(plan.samples.size()),
                        comm.rank() != 0, clock);
  progress.update(0);
  int64_t done = 0;
  const dataio::Recipe recipe = dataio::parse_recipe(plan.config.recipe);
  const sharding::PackOutput output{
      .dir = dir,
      .check = sharding::make_decode_check(plan.modality),
      .on_progress = [&](int64_t count) { progress.update(done += count); },
      .prepare =
          [&](dataio::Scan& scan, const std::string& origin) {
            recipe.apply(scan, origin);
          }};
  std::vector<ShardSummary> summaries;
  for (int64_t first = 0; first < num_shards; first += comm.size()) {
    const int64_t shard = first + comm.rank();
    std::optional<ShardSummary> mine;
    if (shard < num_shards) {
      mine = sharding::pack_shard(plan, shard, output, files);
    }
    gather_round(comm, mine, summaries);
    done = samples_before(plan, first + comm.size());
    progress.update(done);
  }
  progress.finish();
  return summaries;
}

void report_result(const sharding::DatasetIndex& index,
                   const std::vector<ShardSummary>& summaries,
                   const PackOptions& options) {
  int64_t bytes = 0;
  int64_t num_kept = 0;
  size_t num_rejected = 0;
  for (const ShardSummary& summary : summaries) {
    bytes += summary.bytes;
    num_kept += summary.kept ? 1 : 0;
    num_rejected += summary.rejected.size();
  }
  std::cout << "packed " << index.num_samples() << " samples of "
            << index.classes.size() << " classes, "
            << human_bytes(static_cast<double>(bytes)) << ", into "
            << index.shards.size() << " shards (" << num_kept
            << " kept from before) in " << options.out << "\n";
  if (num_rejected > 0) {
    std::cout << num_rejected << " files were left out: "
              << join_path(options.out, "rejected.txt") << "\n";
  }
}

void report_duplicates(const std::string& dir, Files& files) {
  const auto groups = sharding::find_duplicates(dir);
  sharding::publish_duplicates(groups, dir, files);
  if (groups.empty()) {
    return;
  }
  size_t num_samples = 0;
  size_t num_contradictions = 0;
  for (const sharding::DuplicateGroup& group : groups) {
    num_samples += group.ids.size();
    num_contradictions += group.labels_differ() ? 1 : 0;
  }
  std::cerr << "voxlift pack: warning: " << num_samples
            << " samples share their content with another, in " << groups.size()
            << " groups, " << num_contradictions
            << " of them with unequal labels: "
            << join_path(dir, "duplicates.txt") << "\n";
}

int pack_on_ranks(std::span<const std::string> args,
                  trainer::Communicator& comm) {
  RealFiles files;
  PackOptions options;
  PackPlan plan;
  trainer::run_alike(comm, [&] {
    options = parse_options(args);
    const dataio::Manifest manifest = list_layout(options.layout);
    if (comm.rank() == 0) {
      report_ignored(manifest);
    }
    if (options.dry_run) {
      show_manifest(manifest, comm);
      return;
    }
    check_recipe(options.pack, manifest.modality);
    plan = sharding::plan_pack(manifest, options.pack, files);
    if (comm.rank() == 0) {
      sharding::prepare_pack_dir(plan, options.out, options.replace, files);
    }
  });
  if (options.dry_run) {
    return 0;
  }
  std::vector<ShardSummary> summaries =
      pack_shards(plan, options.out, comm, files);
  if (comm.rank() == 0) {
    report_result(sharding::publish_index(plan, summaries, options.out, files),
                  summaries, options);
    report_duplicates(options.out, files);
  }
  return 0;
}

// One shard is at most some hundred megabytes; a rank that needs longer for it
// hangs.
trainer::CommConfig comm_config() {
  return {.first_deadline_s = 3600.0, .deadline_s = 3600.0};
}

int run(std::span<const std::string> args) {
  if (wants_help(args)) {
    PackOptions options;
    print_help(bind(options));
    return 0;
  }
  const auto comm = open_communicator(comm_config());
  return run_ranks(*comm, "voxlift pack",
                   [&] { return pack_on_ranks(args, *comm); });
}

}  // namespace

Command make_pack_command() {
  return {"pack", "pack photographs or scans into shards", run};
}

}  // namespace voxlift::launcher
