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
#include "dataio/transform/transform.h"

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

std::unique_ptr<dataio::Transform> make_transform(
    Modality modality, const ContactSheetOptions& options) {
  const bool train = options.transform == "train";
  if (modality == Modality::kPhotograph) {
    return train ? dataio::make_photo_train_transform(photo_config(options))
                 : dataio::make_photo_eval_transform(photo_config(options));
  }
  return train ? dataio::make_volume_train_transform(volume_config(options))
               : dataio::make_volume_eval_transform(volume_config(options));
}

dataio::Image stored_picture(const SampleSource& source, int64_t id) {
  const std::vector<std::byte> bytes = source.read(id);
  const std::string origin = source.describe(id);
  return source.modality == Modality::kPhotograph
             ? dataio::decode_image(bytes, origin)
             : dataio::middle_slice(dataio::decode_volume(bytes, origin));
}

dataio::Image transformed_picture(const SampleSource& source, int64_t id,
                                  const dataio::Transform& transform,
                                  const ContactSheetOptions& options) {
  const dataio::SampleShape shape = transform.shape();
  std::vector<float> sample(static_cast<size_t>(shape.num_elements()));
  RandomStream draws(options.seed, Purpose::kAugment,
                     static_cast<uint64_t>(options.epoch),
                     static_cast<uint64_t>(id));
  transform.apply(source.read(id), source.describe(id), draws, sample);
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
  std::unique_ptr<dataio::Transform> transform;
  if (options.transform != "none") {
    transform = make_transform(source.modality, options);
  }
  std::vector<dataio::Image> cells;
  std::vector<std::string> captions;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = i * source.num_samples / count;
    cells.push_back(transform == nullptr
                        ? stored_picture(source, id)
                        : transformed_picture(source, id, *transform, options));
    captions.push_back(source.caption(id));
  }
  const std::vector<std::byte> png = dataio::encode_png(
      dataio::contact_sheet(cells, dataio::ContactSheetConfig(), captions));
  RealFiles().publish(options.file, as_text(png));
}

}  // namespace voxlift::launcher
