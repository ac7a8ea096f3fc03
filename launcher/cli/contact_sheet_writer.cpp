#include "launcher/cli/contact_sheet_writer.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/contact_sheet.h"
#include "dataio/decode/decoder.h"
#include "dataio/encode/png_writer.h"
#include "dataio/transform/photo_transform.h"
#include "dataio/transform/volume_transform.h"

namespace voxlift::launcher {
namespace {

using dataio::Modality;

dataio::PhotoTransformConfig photo_config(const ContactSheetOptions& options) {
  dataio::PhotoTransformConfig config;
  // The short side before the centre crop keeps the recipe's proportion.
  config.eval_resize_short =
      options.image_size * config.eval_resize_short / config.image_size;
  config.image_size = options.image_size;
  config.validate("transform");
  return config;
}

dataio::VolumeTransformConfig volume_config(
    const ContactSheetOptions& options) {
  dataio::VolumeTransformConfig config;
  config.shape = options.shape;
  config.validate("transform");
  return config;
}

bool is_train(const ContactSheetOptions& options) {
  return options.transform == "train";
}

dataio::Volume whole_volume(const dataio::VolumeSource& source) {
  dataio::Volume volume;
  volume.shape = source.facts().shape;
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  source.read_image({{0, 0, 0}, volume.shape}, volume.voxels);
  return volume;
}

dataio::Image stored_picture(const SampleSource& source, int64_t id) {
  return source.modality == Modality::kPhotograph
             ? dataio::decode_image(source.read(id), source.describe(id))
             : dataio::middle_slice(whole_volume(*source.volume(id)));
}

// What the network would see of sample `id`; its shape goes to `shape`.
std::vector<float> transformed(const SampleSource& source, int64_t id,
                               const ContactSheetOptions& options,
                               dataio::SampleShape* shape) {
  RandomStream draws(options.seed, Purpose::kAugment,
                     static_cast<uint64_t>(options.epoch),
                     static_cast<uint64_t>(id));
  dataio::Workspace workspace;
  std::vector<float> image;
  const auto make_room = [&](const dataio::SampleShape& wanted) {
    *shape = wanted;
    image.resize(static_cast<size_t>(wanted.num_elements()));
  };
  if (source.modality == Modality::kPhotograph) {
    const auto config = photo_config(options);
    const auto transform = is_train(options)
                               ? dataio::make_photo_train_transform(config)
                               : dataio::make_photo_eval_transform(config);
    make_room(transform->shape());
    transform->apply(source.read(id), source.describe(id), draws, workspace,
                     image);
    return image;
  }
  const auto config = volume_config(options);
  const auto transform = is_train(options)
                             ? dataio::make_volume_train_transform(config)
                             : dataio::make_volume_eval_transform(config);
  make_room(transform->shape());
  dataio::Sample sample;
  sample.image = image;
  transform->apply(*source.volume(id), draws, workspace, sample);
  return image;
}

dataio::Image transformed_picture(const SampleSource& source, int64_t id,
                                  const ContactSheetOptions& options) {
  dataio::SampleShape shape;
  const std::vector<float> sample = transformed(source, id, options, &shape);
  const dataio::PhotoTransformConfig photo;
  return dataio::planes_to_image(sample, shape, photo.mean, photo.std);
}

}  // namespace

void ContactSheetOptions::validate() const {
  if (transform != "none" && transform != "train" && transform != "eval") {
    throw ConfigError(str_cat("option 'transform' is '", transform,
                              "', expected none, train or eval"));
  }
  if (count < 1) {
    throw ConfigError(
        str_cat("option 'count' is ", count, ", expected at least 1"));
  }
}

void write_contact_sheet(const SampleSource& source,
                         const ContactSheetOptions& options) {
  const int64_t count = std::min(options.count, source.num_samples);
  std::vector<dataio::Image> cells;
  std::vector<std::string> captions;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = i * source.num_samples / count;
    cells.push_back(options.transform == "none"
                        ? stored_picture(source, id)
                        : transformed_picture(source, id, options));
    captions.push_back(source.caption(id));
  }
  const std::vector<std::byte> png = dataio::encode_png(
      dataio::contact_sheet(cells, dataio::ContactSheetConfig(), captions));
  RealFiles().publish(options.file, as_text(png));
}

}  // namespace voxlift::launcher
