#include "trainer/input/collate.h"

#include "trainer/input/size_schedule.h"

namespace voxlift::trainer {
namespace {

bool wants_masks(const TrainConfig& config) {
  return config.task.kind == "segmentation";
}

bool wants_slices(const TrainConfig& config) {
  return config.task.kind == "detection";
}

std::unique_ptr<dataio::VolumeTransform> volume_train_transform(
    const TrainConfig& config) {
  return wants_slices(config)
             ? dataio::make_slices_train_transform(config.slices)
             : dataio::make_volume_train_transform(config.volume);
}

std::unique_ptr<dataio::VolumeTransform> volume_eval_transform(
    const TrainConfig& config) {
  return wants_slices(config)
             ? dataio::make_slices_eval_transform(config.slices)
             : dataio::make_volume_eval_transform(config.volume);
}

}  // namespace

Batch to_batch(sharding::SampleBatch& samples, const torch::Device& device) {
  const auto count = static_cast<int64_t>(samples.labels.size());
  const auto& shape = samples.shape;
  const torch::Tensor x = torch::from_blob(
      samples.data.data(),
      {count, shape.channels, shape.depth, shape.height, shape.width},
      torch::kFloat32);
  const torch::Tensor labels =
      torch::from_blob(samples.labels.data(), {count}, torch::kInt64);
  Batch batch = {.x_NCDHW = x.to(device),
                 .label_N = labels.to(device),
                 .mask_NDHW = {},
                 .boxes = samples.boxes,
                 .contents = samples.contents,
                 .ids = samples.request.ids};
  if (!samples.masks.empty()) {
    batch.mask_NDHW =
        torch::from_blob(samples.masks.data(),
                         {count, shape.depth, shape.height, shape.width},
                         torch::kUInt8)
            .to(device);
  }
  return batch;
}

std::unique_ptr<sharding::SampleLoader> make_train_loader(
    const TrainConfig& config, const sharding::Dataset& dataset,
    int64_t epoch) {
  dataio::PhotoTransformConfig photo = config.photo;
  photo.image_size = SizeSchedule(config.data.photo_sizes, "photo.sizes")
                         .size_at(epoch, photo.image_size);
  return dataset.modality() == dataio::Modality::kPhotograph
             ? sharding::make_photo_loader(
                   dataset, dataio::make_photo_train_transform(photo))
             : sharding::make_volume_loader(dataset,
                                            volume_train_transform(config),
                                            wants_masks(config));
}

std::unique_ptr<sharding::SampleLoader> make_eval_loader(
    const TrainConfig& config, const sharding::Dataset& dataset) {
  return dataset.modality() == dataio::Modality::kPhotograph
             ? sharding::make_photo_loader(
                   dataset, dataio::make_photo_eval_transform(config.photo))
             : sharding::make_volume_loader(
                   dataset, volume_eval_transform(config), wants_masks(config));
}

}  // namespace voxlift::trainer
