#include "dataio/overlay.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "dataio/glyphs.h"

namespace voxlift::dataio {
namespace {

constexpr size_t kMostSampled = 1000000;
constexpr int64_t kTextScale = 2;

void set_pixel(int64_t y, int64_t x, const Color& color, Image& image) {
  if (y >= 0 && y < image.height && x >= 0 && x < image.width) {
    std::copy(color.begin(), color.end(), image.pixel(y, x));
  }
}

uint8_t grey_of(float value, const GreyWindow& window) {
  if (!std::isfinite(value) || !(window.high > window.low)) {
    return 0;
  }
  const double share = (value - window.low) / (window.high - window.low);
  return static_cast<uint8_t>(std::lround(255.0 * std::clamp(share, 0.0, 1.0)));
}

// The labels of a slice by pixel; beyond the slice a label that none has.
class PixelLabels {
 public:
  PixelLabels(std::span<const uint8_t> labels_HW, const SliceShape& shape)
      : labels_HW_(labels_HW), shape_(shape) {}

  int at(int64_t y, int64_t x) const {
    if (y < 0 || x < 0 || y >= shape_.height * shape_.scale ||
        x >= shape_.width * shape_.scale) {
      return -1;
    }
    return labels_HW_[static_cast<size_t>(y / shape_.scale * shape_.width +
                                          x / shape_.scale)];
  }

  bool is_edge(int64_t y, int64_t x) const {
    const int own = at(y, x);
    return own != 0 && (at(y - 1, x) != own || at(y + 1, x) != own ||
                        at(y, x - 1) != own || at(y, x + 1) != own);
  }

 private:
  std::span<const uint8_t> labels_HW_;
  SliceShape shape_;
};

}  // namespace

GreyWindow quantile_window(std::span<const float> voxels, double share) {
  const size_t step = std::max<size_t>(1, voxels.size() / kMostSampled);
  std::vector<float> values;
  for (size_t i = 0; i < voxels.size(); i += step) {
    if (std::isfinite(voxels[i])) {
      values.push_back(voxels[i]);
    }
  }
  if (values.empty()) {
    return {};
  }
  const auto last = static_cast<double>(values.size() - 1);
  const auto value_at = [&](double quantile) {
    const auto place = values.begin() + std::lround(quantile * last);
    std::nth_element(values.begin(), place, values.end());
    return static_cast<double>(*place);
  };
  return {value_at(share), value_at(1.0 - share)};
}

Image grey_slice(std::span<const float> voxels_HW, const SliceShape& shape,
                 const GreyWindow& window) {
  VOXLIFT_CHECK(
      static_cast<int64_t>(voxels_HW.size()) == shape.height * shape.width,
      "a slice's voxels");
  Image image{shape.height * shape.scale, shape.width * shape.scale, {}};
  image.rgb.resize(static_cast<size_t>(3 * image.height * image.width));
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const auto at =
          static_cast<size_t>(y / shape.scale * shape.width + x / shape.scale);
      std::fill_n(image.pixel(y, x), 3, grey_of(voxels_HW[at], window));
    }
  }
  return image;
}

Color class_color(int64_t label) {
  constexpr std::array<Color, 8> kColors = {{{255, 64, 64},
                                             {64, 220, 64},
                                             {80, 140, 255},
                                             {255, 220, 0},
                                             {255, 64, 255},
                                             {0, 230, 230},
                                             {255, 140, 0},
                                             {170, 110, 255}}};
  return kColors[static_cast<size_t>(label) % kColors.size()];
}

void outline_labels(std::span<const uint8_t> labels_HW, const SliceShape& shape,
                    Image& image) {
  VOXLIFT_CHECK(
      static_cast<int64_t>(labels_HW.size()) == shape.height * shape.width,
      "a slice's labels");
  const PixelLabels labels(labels_HW, shape);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      if (labels.is_edge(y, x)) {
        set_pixel(y, x, class_color(labels.at(y, x)), image);
      }
    }
  }
}

void outline_box(const SliceBox& box, const std::string& text,
                 const Color& color, const SliceShape& shape, Image& image) {
  const auto pixel = [&](double edge) {
    return static_cast<int64_t>(
        std::lround(edge * static_cast<double>(shape.scale)));
  };
  const int64_t top = pixel(box.top);
  const int64_t left = pixel(box.left);
  const int64_t bottom = std::max(pixel(box.bottom) - 1, top);
  const int64_t right = std::max(pixel(box.right) - 1, left);
  for (int64_t x = std::max<int64_t>(left, 0);
       x <= std::min(right, image.width - 1); ++x) {
    set_pixel(top, x, color, image);
    set_pixel(bottom, x, color, image);
  }
  for (int64_t y = std::max<int64_t>(top, 0);
       y <= std::min(bottom, image.height - 1); ++y) {
    set_pixel(y, left, color, image);
    set_pixel(y, right, color, image);
  }
  const int64_t above = top - kTextScale * kGlyphHeight - 2;
  const int64_t inset = above >= 0 ? 0 : 3;
  draw_text(image, above >= 0 ? above : top + inset, left + inset, text,
            kTextScale, color);
}

}  // namespace voxlift::dataio
