// The fast training path against the exact one, picture by picture.

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>

#include "base/random.h"
#include "base/strings.h"
#include "dataio/transform/photo_region.h"
#include "dataio/transform/random_resized_crop.h"
#include "launcher/bench/figures.h"
#include "launcher/bench/photo_bench.h"
#include "sharding/dataset.h"

namespace voxlift::launcher {

namespace {

// Equal planes: as good as it gets, and a number.
constexpr double kEqualDb = 100.0;

double psnr_db(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  const double mean = sum / static_cast<double>(a.size());
  return std::min(kEqualDb, 10.0 * std::log10(255.0 * 255.0 / mean));
}

// Applies one transform with draws of its own making.
class Applied {
 public:
  Applied(const PhotoQualityConfig& config, bool exact)
      : transform_(dataio::make_photo_train_transform(
            make_config(config.image_size, exact))),
        values_(static_cast<size_t>(transform_->shape().num_elements())) {}

  // Values 0 to 255.
  const std::vector<float>& operator()(const std::vector<std::byte>& bytes,
                                       const std::string& origin,
                                       RandomStream draws) {
    transform_->apply(bytes, origin, draws, workspace_, values_);
    return values_;
  }

  static dataio::PhotoTransformConfig make_config(int64_t size, bool exact) {
    dataio::PhotoTransformConfig config;
    config.image_size = size;
    config.eval_resize_short = std::max(config.eval_resize_short, size);
    config.mean = 0.0;
    config.std = 1.0;
    config.exact_decode = exact;
    return config;
  }

 private:
  std::unique_ptr<dataio::PhotoTransform> transform_;
  dataio::Workspace workspace_;
  std::vector<float> values_;
};

// 0 for what is not decoded by regions.
int scale_of(const std::vector<std::byte>& bytes, const std::string& origin,
             int64_t size, RandomStream draws) {
  if (dataio::detect_format(bytes) != dataio::Format::kJpeg) {
    return 0;
  }
  dataio::JpegRegionReader reader(bytes, origin);
  const dataio::CropBox crop =
      dataio::draw_crop(reader.height(), reader.width(),
                        Applied::make_config(size, false), draws);
  return dataio::plan_photo_region({crop, size, size, {0, 0, size, size}})
      .region.scale;
}

void print(const std::string& name, const std::vector<double>& values,
           std::ostream& out) {
  out << Json{{"name", name},
              {"n", values.size()},
              {"min", quantile(values, 0.0)},
              {"p5", quantile(values, 0.05)},
              {"median", quantile(values, 0.5)},
              {"unit", "dB"}}
             .dump()
      << "\n";
}

}  // namespace

void bench_photo_quality(const PhotoQualityConfig& config, std::ostream& out) {
  const sharding::Dataset dataset(config.data, {});
  Applied fast(config, false);
  Applied exact(config, true);
  std::vector<double> all;
  std::map<int, std::vector<double>> by_scale;
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    const std::vector<std::byte> bytes = dataset.read(id);
    const std::string origin = dataset.describe(id);
    for (int64_t draw = 0; draw < config.draws; ++draw) {
      const RandomStream draws(config.seed, Purpose::kAugment,
                               static_cast<uint64_t>(draw),
                               static_cast<uint64_t>(id));
      const double db =
          psnr_db(fast(bytes, origin, draws), exact(bytes, origin, draws));
      all.push_back(db);
      by_scale[scale_of(bytes, origin, config.image_size, draws)].push_back(db);
    }
  }
  print("data.photo_quality", all, out);
  for (const auto& [scale, values] : by_scale) {
    print(str_cat("data.photo_quality.scale_", scale), values, out);
  }
}

}  // namespace voxlift::launcher
