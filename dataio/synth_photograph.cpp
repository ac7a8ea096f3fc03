// Generated photographs: a textured shape on a busy background.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/synth.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kNumShapes = 6;
constexpr int64_t kNumTextures = 4;
static_assert(kNumShapes * kNumTextures == kMaxSynthPhotoClasses);

enum class Shape { kDisc, kSquare, kTriangle, kCross, kStar, kRing };
enum class Texture { kPlain, kStripes, kChecker, kDots };

// Neighbouring labels differ in both.
Shape shape_of(int64_t label) {
  return static_cast<Shape>(label % kNumShapes);
}

Texture texture_of(int64_t label) {
  return static_cast<Texture>((label + label / kNumShapes) % kNumTextures);
}

struct Point {
  double x = 0.0;
  double y = 0.0;
};

Point turn(Point p, double angle) {
  return {std::cos(angle) * p.x - std::sin(angle) * p.y,
          std::sin(angle) * p.x + std::cos(angle) * p.y};
}

double box(Point p, double half_width, double half_height) {
  return std::max(std::abs(p.x) - half_width, std::abs(p.y) - half_height);
}

// Folds the plane to one half of a point of the star, then one straight edge.
double star(Point p) {
  constexpr double kStep = 2.0 * std::numbers::pi / 5.0;
  const double radius = std::hypot(p.x, p.y);
  double angle = std::atan2(p.x, -p.y);
  angle = std::abs(angle - kStep * std::round(angle / kStep));
  const Point q = {radius * std::cos(angle), radius * std::sin(angle)};
  const Point inner = {0.45 * std::cos(kStep / 2), 0.45 * std::sin(kStep / 2)};
  const Point edge = {inner.x - 1.0, inner.y};
  return ((q.x - 1.0) * -edge.y + q.y * edge.x) / -std::hypot(edge.x, edge.y);
}

// Signed distance to the outline, about: negative inside; the shape fills the
// unit disc.
double distance_to(Shape shape, Point p) {
  const double radius = std::hypot(p.x, p.y);
  switch (shape) {
    case Shape::kDisc:
      return radius - 0.85;
    case Shape::kSquare:
      return box(p, 0.72, 0.72);
    case Shape::kTriangle:
      return std::max(std::abs(p.x) * 0.866 - p.y * 0.5, p.y) - 0.5;
    case Shape::kCross:
      return std::min(box(p, 0.95, 0.32), box(p, 0.32, 0.95));
    case Shape::kStar:
      return star(p);
    case Shape::kRing:
      return std::abs(radius - 0.68) - 0.24;
  }
  return 1.0;
}

// 0 to 1: how much of the second colour there is.
double texture_at(Texture texture, Point p, double period) {
  const double x = p.x / period;
  const double y = p.y / period;
  const auto wave = [](double t) {
    return std::sin(2.0 * std::numbers::pi * t);
  };
  const auto soft_step = [](double t) { return std::clamp(0.5 + t, 0.0, 1.0); };
  switch (texture) {
    case Texture::kPlain:
      return 0.0;
    case Texture::kStripes:
      return soft_step(2.0 * wave(x));
    case Texture::kChecker:
      return soft_step(3.0 * wave(x / 1.4) * wave(y / 1.4));
    case Texture::kDots:
      return soft_step(
          6.0 * (0.3 - std::hypot(x - std::round(x), y - std::round(y))));
  }
  return 0.0;
}

using Color = std::array<double, 3>;

Color mix(const Color& a, const Color& b, double share_of_b) {
  Color result;
  for (size_t c = 0; c < 3; ++c) {
    result[c] = a[c] + share_of_b * (b[c] - a[c]);
  }
  return result;
}

double color_distance(const Color& a, const Color& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Color draw_color(RandomStream& draws) {
  return {draws.uniform(15.0, 240.0), draws.uniform(15.0, 240.0),
          draws.uniform(15.0, 240.0)};
}

// A colour at least `gap` away from the others, or the farthest of many tries.
Color draw_color_away_from(const std::vector<Color>& others, double gap,
                           RandomStream& draws) {
  Color best{};
  double best_gap = -1.0;
  for (int i = 0; i < 50 && best_gap < gap; ++i) {
    const Color color = draw_color(draws);
    double nearest = 1e9;
    for (const Color& other : others) {
      nearest = std::min(nearest, color_distance(color, other));
    }
    if (nearest > best_gap) {
      best = color;
      best_gap = nearest;
    }
  }
  return best;
}

// Something in the background that tells nothing of the class.
struct Distractor {
  Point center;
  Point half_size;
  double angle = 0.0;
  Color color{};
  double opacity = 0.0;
};

// Everything random about one picture, in units of its short side; the origin
// is the middle.
struct Scene {
  Shape shape{};
  Texture texture{};
  Color background_low{};
  Color background_high{};
  double background_angle = 0.0;
  std::vector<Distractor> distractors;
  Color first{};
  Color second{};
  Point center;
  double radius = 0.0;
  double stretch = 1.0;
  double angle = 0.0;
  double texture_angle = 0.0;
  double texture_period = 0.0;
  double light_angle = 0.0;
  double noise = 0.0;
};

Distractor draw_distractor(RandomStream& draws) {
  const double length = draws.uniform(0.05, 0.5);
  Distractor result;
  result.center = {draws.uniform(-0.7, 0.7), draws.uniform(-0.5, 0.5)};
  result.half_size = {length, draws.uniform(0.01, 0.08)};
  result.angle = draws.uniform(0.0, std::numbers::pi);
  result.color = draw_color(draws);
  result.opacity = draws.uniform(0.2, 0.6);
  return result;
}

void draw_background(RandomStream& draws, Scene& scene) {
  scene.background_low = draw_color(draws);
  scene.background_high = mix(scene.background_low, draw_color(draws), 0.5);
  scene.background_angle = draws.uniform(0.0, 2.0 * std::numbers::pi);
  const int64_t num_distractors = draws.uniform_int(3, 8);
  for (int64_t i = 0; i < num_distractors; ++i) {
    scene.distractors.push_back(draw_distractor(draws));
  }
}

Scene draw_scene(int64_t label, double half_width, RandomStream& draws) {
  Scene scene;
  scene.shape = shape_of(label);
  scene.texture = texture_of(label);
  draw_background(draws, scene);
  const Color middle = mix(scene.background_low, scene.background_high, 0.5);
  scene.first = draw_color_away_from({middle}, 110.0, draws);
  scene.second = draw_color_away_from({middle, scene.first}, 110.0, draws);
  scene.radius = draws.uniform(0.26, 0.44);
  scene.center = {draws.uniform(-0.75, 0.75) * (half_width - scene.radius),
                  draws.uniform(-0.75, 0.75) * (0.5 - scene.radius)};
  scene.stretch = draws.uniform(0.85, 1.18);
  scene.angle = draws.uniform(-0.5, 0.5);
  scene.texture_angle = draws.uniform(0.0, std::numbers::pi);
  scene.texture_period = draws.uniform(0.3, 0.42);
  scene.light_angle = draws.uniform(0.0, 2.0 * std::numbers::pi);
  scene.noise = draws.uniform(3.0, 11.0);
  return scene;
}

Color background_at(const Scene& scene, Point p, double pixel) {
  const Point along = turn(p, scene.background_angle);
  Color color = mix(scene.background_low, scene.background_high,
                    std::clamp(0.5 + 0.7 * along.x, 0.0, 1.0));
  for (const Distractor& distractor : scene.distractors) {
    const Point local =
        turn({p.x - distractor.center.x, p.y - distractor.center.y},
             distractor.angle);
    const double distance =
        box(local, distractor.half_size.x, distractor.half_size.y);
    color =
        mix(color, distractor.color,
            distractor.opacity * std::clamp(0.5 - distance / pixel, 0.0, 1.0));
  }
  return color;
}

// From picture coordinates to those in which the shape fills the unit disc.
Point to_shape(const Scene& scene, Point p) {
  const Point local =
      turn({p.x - scene.center.x, p.y - scene.center.y}, scene.angle);
  return {local.x / (scene.radius * scene.stretch),
          local.y * scene.stretch / scene.radius};
}

// `pixel` is the side of a pixel in units of the short side.
Color color_at(const Scene& scene, Point p, double pixel) {
  Color color = background_at(scene, p, pixel);
  const Point shadow_at = {p.x - 0.02, p.y - 0.03};
  const double shadow =
      distance_to(scene.shape, to_shape(scene, shadow_at)) * scene.radius;
  color = mix(color, {0.0, 0.0, 0.0},
              0.45 * std::clamp(0.5 - shadow / 0.04, 0.0, 1.0));
  const Point local = to_shape(scene, p);
  const double distance = distance_to(scene.shape, local) * scene.radius;
  const double texture = texture_at(
      scene.texture, turn(local, scene.texture_angle), scene.texture_period);
  const double light = 1.0 + 0.2 * turn(local, scene.light_angle).x;
  Color surface = mix(scene.first, scene.second, texture);
  for (double& channel : surface) {
    channel *= light;
  }
  return mix(color, surface, std::clamp(0.5 - distance / pixel, 0.0, 1.0));
}

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

Image render(const Scene& scene, int64_t height, int64_t width,
             RandomStream& draws) {
  Image image{height, width, {}};
  image.rgb.reserve(static_cast<size_t>(3 * height * width));
  const double pixel = 1.0 / static_cast<double>(std::min(height, width));
  const int64_t center_y = height / 2;
  const int64_t center_x = width / 2;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const Point p = {(static_cast<double>(x - center_x) + 0.5) * pixel,
                       (static_cast<double>(y - center_y) + 0.5) * pixel};
      for (const double channel : color_at(scene, p, pixel)) {
        image.rgb.push_back(to_byte(channel + scene.noise * draws.normal()));
      }
    }
  }
  return image;
}

}  // namespace

std::string synth_photo_class_name(int64_t label) {
  static const std::array<const char*, kNumShapes> kShapes = {
      "disc", "square", "triangle", "cross", "star", "ring"};
  static const std::array<const char*, kNumTextures> kTextures = {
      "plain", "stripes", "checker", "dots"};
  return str_cat(kShapes[static_cast<size_t>(shape_of(label))], "-",
                 kTextures[static_cast<size_t>(texture_of(label))]);
}

Image synth_photograph(const SynthPhotosConfig& config, int64_t label,
                       int64_t index) {
  VOXLIFT_CHECK(label >= 0 && label < config.num_classes, "label of a class");
  RandomStream draws(config.seed, Purpose::kSynth, static_cast<uint64_t>(label),
                     static_cast<uint64_t>(index));
  const auto width = static_cast<int64_t>(
      std::lround(static_cast<double>(config.size) * draws.uniform(1.0, 1.4)));
  const double half_width =
      0.5 * static_cast<double>(width) / static_cast<double>(config.size);
  const Scene scene = draw_scene(label, half_width, draws);
  return render(scene, config.size, width, draws);
}

}  // namespace voxlift::dataio
