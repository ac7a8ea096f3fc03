#include "dataio/synth_boxes.h"

#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/fnv.h"
#include "base/json.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/encode/png_writer.h"
#include "dataio/transform/check_field.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxPictures = 1'000'000;
constexpr int64_t kLeastSize = 16;
constexpr int64_t kMaxSize = 4096;
constexpr int64_t kCategory = 1;

Image dark_noise(int64_t width, int64_t height, RandomStream& draws) {
  Image image;
  image.width = width;
  image.height = height;
  for (int64_t i = 0; i < 3 * width * height; ++i) {
    image.rgb.push_back(static_cast<uint8_t>(draws.uniform_int(0, 60)));
  }
  return image;
}

void fill_bright(Image& image, const LabelledBox& box) {
  const auto pixel = [](double edge) { return static_cast<int64_t>(edge); };
  for (int64_t y = pixel(box.low[1]); y < pixel(box.high[1]); ++y) {
    for (int64_t x = pixel(box.low[2]); x < pixel(box.high[2]); ++x) {
      for (int64_t plane = 0; plane < 3; ++plane) {
        image.pixel(y, x)[plane] = 220;
      }
    }
  }
}

// Somewhere in the columns first to first + columns - 1.
LabelledBox draw_square(const Image& image, int64_t first, int64_t columns,
                        int64_t size, RandomStream& draws) {
  const int64_t side = draws.uniform_int(3 * size / 16, 5 * size / 16);
  const int64_t x = first + draws.uniform_int(0, columns - side);
  const int64_t y = draws.uniform_int(0, image.height - side);
  const auto edge = [](int64_t pixel) { return static_cast<double>(pixel); };
  return {{0.0, edge(y), edge(x)}, {1.0, edge(y + side), edge(x + side)}, 0};
}

// One split's list, and its pictures below `dir`.
class SplitWriter {
 public:
  SplitWriter(const std::string& dir, const SynthBoxesConfig& config,
              std::string split)
      : dir_(dir), config_(config), split_(std::move(split)) {
    files_.make_dirs(join_path(dir, split_));
  }

  void append(int64_t id) {
    const BoxedImage made = synth_boxed_image(config_, split_, id);
    const std::string name = str_cat(split_, "/", id, ".png");
    files_.publish(join_path(dir_, name), as_text(encode_png(made.image)));
    images_.push_back({{"id", id},
                       {"file_name", name},
                       {"width", made.image.width},
                       {"height", made.image.height}});
    for (const LabelledBox& box : made.boxes) {
      boxes_.push_back({{"image_id", id},
                        {"category_id", kCategory},
                        {"bbox",
                         {box.low[2], box.low[1], box.high[2] - box.low[2],
                          box.high[1] - box.low[1]}}});
    }
  }

  void finish() {
    const Json category = {{"id", kCategory}, {"name", "square"}};
    const Json list = {{"images", images_},
                       {"annotations", boxes_},
                       {"categories", Json::array({category})}};
    files_.publish(join_path(dir_, split_ + ".json"), list.dump());
  }

 private:
  const std::string& dir_;
  const SynthBoxesConfig& config_;
  std::string split_;
  RealFiles files_;
  Json images_ = Json::array();
  Json boxes_ = Json::array();
};

}  // namespace

void SynthBoxesConfig::validate(const std::string& path) const {
  check_field<int64_t>(path + ".train", train, 1, kMaxPictures, "1 to 1000000");
  check_field<int64_t>(path + ".val", val, 1, kMaxPictures, "1 to 1000000");
  check_field<int64_t>(path + ".size", size, kLeastSize, kMaxSize,
                       "16 to 4096");
}

BoxedImage synth_boxed_image(const SynthBoxesConfig& config,
                             const std::string& split, int64_t index) {
  RandomStream draws(config.seed, Purpose::kSynth, fnv1a64(split),
                     static_cast<uint64_t>(index));
  const int64_t shorter = config.size * 3 / 4;
  const bool upright = index % 4 == 3;
  BoxedImage made;
  made.image = dark_noise(upright ? shorter : config.size,
                          upright ? config.size : shorter, draws);
  // Each in a part of the picture of its own, so that none hides another.
  const int64_t count = 1 + index % 2;
  const int64_t columns = made.image.width / 2;
  for (int64_t k = 0; k < count; ++k) {
    made.boxes.push_back(
        draw_square(made.image, k * columns, columns, config.size, draws));
    fill_bright(made.image, made.boxes.back());
  }
  return made;
}

void write_synth_boxes(const std::string& dir, const SynthBoxesConfig& config,
                       const SynthProgress& progress) {
  config.validate("synth");
  const int64_t total = config.train + config.val;
  int64_t done = 0;
  for (const auto& [split, count] :
       {std::pair{"train", config.train}, std::pair{"val", config.val}}) {
    const std::string list = join_path(dir, str_cat(split, ".json"));
    if (RealFiles().exists(list)) {
      throw ConfigError(str_cat("'", list, "' exists: give another folder"));
    }
    SplitWriter writer(dir, config, split);
    for (int64_t id = 0; id < count; ++id) {
      writer.append(id);
      if (progress) {
        progress(++done, total);
      }
    }
    writer.finish();
  }
}

}  // namespace voxlift::dataio
