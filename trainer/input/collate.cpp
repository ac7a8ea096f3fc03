#include "trainer/input/collate.h"

namespace voxlift::trainer {

Batch to_batch(sharding::SampleBatch& samples, const torch::Device& device) {
  const auto count = static_cast<int64_t>(samples.labels.size());
  const auto& shape = samples.shape;
  const torch::Tensor x = torch::from_blob(
      samples.data.data(),
      {count, shape.channels, shape.depth, shape.height, shape.width},
      torch::kFloat32);
  const torch::Tensor labels =
      torch::from_blob(samples.labels.data(), {count}, torch::kInt64);
  return {x.to(device), labels.to(device)};
}

std::unique_ptr<dataio::Transform> train_transform(const TrainConfig& config,
                                                   dataio::Modality modality) {
  return modality == dataio::Modality::kPhotograph
             ? dataio::make_photo_train_transform(config.photo)
             : dataio::make_volume_train_transform(config.volume);
}

std::unique_ptr<dataio::Transform> eval_transform(const TrainConfig& config,
                                                  dataio::Modality modality) {
  return modality == dataio::Modality::kPhotograph
             ? dataio::make_photo_eval_transform(config.photo)
             : dataio::make_volume_eval_transform(config.volume);
}

}  // namespace voxlift::trainer
