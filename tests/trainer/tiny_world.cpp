#include "tests/trainer/tiny_world.h"

#include <limits>
#include <mutex>

#include "dataio/source/scan_list.h"
#include "dataio/source/source.h"
#include "dataio/synth.h"
#include "sharding/pack.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::test {

using trainer::TrainConfig;
using trainer::TrainOutcome;

TinyWorld::TinyWorld(int64_t train_per_class, bool volumes) {
  if (volumes) {
    dataio::write_synth_volumes(temp_.file("source"),
                                {.num_classes = 4,
                                 .train_per_class = train_per_class,
                                 .val_per_class = 2,
                                 .size = 32});
  } else {
    dataio::write_synth_photos(temp_.file("source"),
                               {.num_classes = 4,
                                .train_per_class = train_per_class,
                                .val_per_class = 2,
                                .size = 32});
  }
  pack("train", volumes);
  pack("val", volumes);
}

TinyWorld::TinyWorld(const Make& make) {
  for (const char* split : {"train", "val"}) {
    pack(split, make(temp_.file("source"), split));
  }
}

void TinyWorld::pack(const std::string& split, bool volumes) {
  const std::string root = temp_.file("source");
  pack(split, volumes
                  ? dataio::list_volumes_csv(join_path(root, split + ".csv"))
                  : dataio::list_imagenet(root, split));
}

void TinyWorld::pack(const std::string& split,
                     const dataio::Manifest& manifest) {
  const sharding::PackPlan plan = sharding::plan_pack(
      manifest, {.shard_bytes = 8000, .check = "none"}, files_);
  const std::string dir = temp_.file(split);
  sharding::prepare_pack_dir(plan, dir, false, files_);
  std::vector<sharding::ShardSummary> summaries;
  for (size_t k = 0; k < plan.shards.size(); ++k) {
    summaries.push_back(sharding::pack_shard(plan, static_cast<int64_t>(k),
                                             {dir, nullptr, nullptr}, files_));
  }
  sharding::publish_index(plan, summaries, dir, files_);
}

TrainConfig TinyWorld::config(const std::string& out) const {
  TrainConfig config;
  config.run.out = temp_.file(out);
  config.run.seed = 5;
  config.run.epochs = 2;
  config.data.train = temp_.file("train");
  config.data.val = temp_.file("val");
  config.batch = {.slots = 4, .slot_batch = 2};
  config.model.resnet.stem_channels = 4;
  config.model.resnet.base_channels = 4;
  config.photo.image_size = 24;
  config.photo.eval_resize_short = 28;
  config.volume.shape = {16, 16, 16};
  config.checkpoint.every_steps = 2;
  config.comm.first_deadline_s = 60.0;
  config.comm.deadline_s = 60.0;
  return config;
}

TrainOutcome TinyWorld::train(const TrainConfig& config, int num_ranks) {
  return train_with(config, num_ranks, files_);
}

TrainOutcome TinyWorld::train_with(const TrainConfig& config, int num_ranks,
                                   Files& files, int64_t stop_after) {
  return run(config, num_ranks, files, stop_after,
             std::numeric_limits<double>::infinity());
}

TrainOutcome TinyWorld::train_until(const TrainConfig& config, int num_ranks,
                                    double end_s) {
  return run(config, num_ranks, files_, INT64_MAX, end_s);
}

TrainOutcome TinyWorld::run(const TrainConfig& config, int num_ranks,
                            Files& files, int64_t stop_after, double end_s) {
  std::mutex mutex;
  TrainOutcome outcome;
  trainer::run_thread_ranks(
      num_ranks, config.comm, [&](trainer::Communicator& comm) {
        int64_t asked = 0;
        trainer::AllocationEnd end(end_s, config.run.end_margin_s);
        trainer::TrainContext context = {
            .control = comm,
            .data = comm,
            .device = torch::kCPU,
            .files = files,
            .clock = clock_,
            // Only the last rank gets the signal: all must stop.
            .stop_requested =
                [&] {
                  return end.is_near(clock_.now_s()) ||
                         (comm.rank() == comm.size() - 1 &&
                          ++asked >= stop_after);
                },
            .allocation_end = &end,
            .resolved_config = Json::object(),
            .configuration_file = ""};
        const TrainOutcome mine = trainer::train(config, context);
        const std::scoped_lock lock(mutex);
        outcome = mine;
      });
  return outcome;
}

std::string TinyWorld::state_after(const TrainConfig& config,
                                   int64_t step) const {
  RealFiles files;
  const trainer::CheckpointStore store(
      files, join_path(config.run.out, "checkpoints"), 1);
  return read_text(join_path(store.path_of(step), "model.safetensors")) +
         read_text(join_path(store.path_of(step), "optimizer.safetensors"));
}

}  // namespace voxlift::test
