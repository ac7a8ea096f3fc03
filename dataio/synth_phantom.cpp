// Generated scans: a nodule in tissue with vessels.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "dataio/synth.h"

namespace voxlift::dataio {

namespace {

// Phantoms and photographs of equal seed, label and index share no draw.
constexpr uint64_t kPhantomEpoch = 1000;

enum class Form { kSmooth, kSpiculated, kLobed, kHollow };

using Vector = std::array<double, 3>;  // Depth, height, width.

double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double norm(const Vector& a) {
  return std::sqrt(dot(a, a));
}

Vector minus(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

Vector draw_direction(RandomStream& draws) {
  Vector v = {draws.normal(), draws.normal(), draws.normal()};
  const double length = std::max(norm(v), 1e-9);
  for (double& x : v) {
    x /= length;
  }
  return v;
}

struct Nodule {
  Form form{};
  Vector center{};
  Vector stretch{};
  double radius = 0.0;
  double contrast = 0.0;
  std::vector<Vector> directions;  // Of spikes or lobes.
};

struct Vessel {
  Vector point{};
  Vector direction{};
  double radius = 0.0;
  double contrast = 0.0;
};

struct Wave {
  Vector frequency{};
  double phase = 0.0;
};

struct Scene {
  Nodule nodule;
  std::vector<Vessel> vessels;
  std::vector<Wave> waves;
  double tissue = 0.0;
  double noise = 0.0;
};

Nodule draw_nodule(Form form, const Shape3& shape, double size,
                   RandomStream& draws) {
  Nodule nodule;
  nodule.form = form;
  nodule.radius = size * draws.uniform(0.13, 0.21);
  nodule.contrast = draws.uniform(65.0, 105.0);
  for (size_t i = 0; i < 3; ++i) {
    nodule.center[i] = static_cast<double>(shape[i] - 1) / 2.0 +
                       size * draws.uniform(-0.08, 0.08);
    nodule.stretch[i] = draws.uniform(0.85, 1.18);
  }
  const int64_t num_directions = form == Form::kSpiculated
                                     ? draws.uniform_int(14, 22)
                                     : draws.uniform_int(3, 5);
  for (int64_t i = 0; i < num_directions; ++i) {
    nodule.directions.push_back(draw_direction(draws));
  }
  return nodule;
}

// Misses the nodule's middle, so that no class can be told by vessels.
Vessel draw_vessel(const Nodule& nodule, RandomStream& draws) {
  Vessel vessel;
  vessel.direction = draw_direction(draws);
  const Vector away = draw_direction(draws);
  const double distance = nodule.radius * draws.uniform(0.9, 2.6);
  for (size_t i = 0; i < 3; ++i) {
    vessel.point[i] = nodule.center[i] + distance * away[i];
  }
  vessel.radius = draws.uniform(1.0, 2.6);
  vessel.contrast = draws.uniform(45.0, 90.0);
  return vessel;
}

Scene draw_scene(Form form, const Shape3& shape, double size,
                 RandomStream& draws) {
  Scene scene;
  scene.nodule = draw_nodule(form, shape, size, draws);
  const int64_t num_vessels = draws.uniform_int(2, 5);
  for (int64_t i = 0; i < num_vessels; ++i) {
    scene.vessels.push_back(draw_vessel(scene.nodule, draws));
  }
  for (int i = 0; i < 4; ++i) {
    Wave wave{draw_direction(draws), draws.uniform(0.0, 6.28)};
    for (double& x : wave.frequency) {
      x *= draws.uniform(2.0, 8.0) / size;
    }
    scene.waves.push_back(wave);
  }
  scene.tissue = draws.uniform(60.0, 90.0);
  scene.noise = draws.uniform(8.0, 16.0);
  return scene;
}

double lobed_distance(const Nodule& nodule, const Vector& p) {
  double distance = norm(p) - 0.62 * nodule.radius;
  for (const Vector& direction : nodule.directions) {
    Vector center = direction;
    for (double& x : center) {
      x *= 0.72 * nodule.radius;
    }
    distance = std::min(distance, norm(minus(p, center)) - 0.5 * nodule.radius);
  }
  return distance;
}

double spiculated_distance(const Nodule& nodule, const Vector& p) {
  const double length = std::max(norm(p), 1e-9);
  double spike = 0.0;
  for (const Vector& direction : nodule.directions) {
    const double cosine = dot(p, direction) / length;
    spike = std::max(spike, std::exp(35.0 * (cosine - 1.0)));
  }
  return length - nodule.radius * (0.68 + 0.75 * spike);
}

// Signed distance to the nodule's surface in voxels, about; negative inside.
double nodule_distance(const Nodule& nodule, const Vector& voxel) {
  Vector p = minus(voxel, nodule.center);
  for (size_t i = 0; i < 3; ++i) {
    p[i] /= nodule.stretch[i];
  }
  switch (nodule.form) {
    case Form::kSpiculated:
      return spiculated_distance(nodule, p);
    case Form::kLobed:
      return lobed_distance(nodule, p);
    case Form::kSmooth:
    case Form::kHollow:
      return norm(p) - nodule.radius;
  }
  return std::numeric_limits<double>::infinity();
}

// 1 inside, 0 outside, soft over two voxels.
double coverage(double distance) {
  return std::clamp(0.5 - 0.5 * distance, 0.0, 1.0);
}

double vessel_distance(const Vessel& vessel, const Vector& voxel) {
  const Vector p = minus(voxel, vessel.point);
  const double along = dot(p, vessel.direction);
  return std::sqrt(std::max(dot(p, p) - along * along, 0.0)) - vessel.radius;
}

double background_at(const Scene& scene, const Vector& voxel) {
  double value = scene.tissue;
  for (const Wave& wave : scene.waves) {
    value += 6.0 * std::sin(dot(wave.frequency, voxel) + wave.phase);
  }
  double vessel_light = 0.0;
  for (const Vessel& vessel : scene.vessels) {
    vessel_light =
        std::max(vessel_light,
                 vessel.contrast * coverage(vessel_distance(vessel, voxel)));
  }
  return value + vessel_light;
}

double value_at(const Scene& scene, const Vector& voxel, double distance) {
  const Nodule& nodule = scene.nodule;
  const double background = background_at(scene, voxel);
  double share = coverage(distance);
  if (nodule.form == Form::kHollow) {
    share -= 0.8 * coverage(distance + 0.5 * nodule.radius);
  }
  const double inside = scene.tissue + nodule.contrast;
  return background + share * (inside - background);
}

Phantom render(const Scene& scene, const Shape3& shape, RandomStream& draws) {
  Phantom phantom;
  phantom.image.shape = shape;
  phantom.mask.shape = shape;
  for (int64_t d = 0; d < shape[0]; ++d) {
    for (int64_t h = 0; h < shape[1]; ++h) {
      for (int64_t w = 0; w < shape[2]; ++w) {
        const Vector voxel = {static_cast<double>(d), static_cast<double>(h),
                              static_cast<double>(w)};
        const double distance = nodule_distance(scene.nodule, voxel);
        const double value =
            value_at(scene, voxel, distance) + scene.noise * draws.normal();
        phantom.image.voxels.push_back(
            static_cast<float>(std::clamp(value, 0.0, 255.0)));
        phantom.mask.voxels.push_back(distance < 0.0 ? 1.0F : 0.0F);
      }
    }
  }
  return phantom;
}

}  // namespace

std::string synth_volume_class_name(int64_t label) {
  static const std::array<const char*, kMaxSynthVolumeClasses> kNames = {
      "smooth", "spiculated", "lobed", "hollow"};
  return kNames[static_cast<size_t>(label)];
}

Phantom synth_phantom(const SynthVolumesConfig& config, int64_t label,
                      int64_t index) {
  VOXLIFT_CHECK(label >= 0 && label < config.num_classes, "label of a class");
  RandomStream draws(config.seed, Purpose::kSynth,
                     kPhantomEpoch + static_cast<uint64_t>(label),
                     static_cast<uint64_t>(index));
  Shape3 shape;
  for (int64_t& side : shape) {
    side = draws.uniform_int(config.size, config.size + config.size / 4);
  }
  const double between_slices =
      0.1 * static_cast<double>(draws.uniform_int(8, 15));
  const double in_plane = 0.1 * static_cast<double>(draws.uniform_int(6, 10));
  const Scene scene = draw_scene(static_cast<Form>(label), shape,
                                 static_cast<double>(config.size), draws);
  Phantom phantom = render(scene, shape, draws);
  phantom.image.spacing_mm = {between_slices, in_plane, in_plane};
  phantom.mask.spacing_mm = phantom.image.spacing_mm;
  return phantom;
}

}  // namespace voxlift::dataio
