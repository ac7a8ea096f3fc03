#include "trainer/metrics/grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_size(size_t size, const Grid& grid) {
  VOXLIFT_CHECK(static_cast<int64_t>(size) == grid.num_voxels(),
                "a mask of another size than its grid");
}

// Sets with a representative each; the smallest member stays it.
class UnionFind {
 public:
  int32_t add() {
    parent_.push_back(static_cast<int32_t>(parent_.size()));
    return parent_.back();
  }

  int32_t find(int32_t i) {
    while (parent_[static_cast<size_t>(i)] != i) {
      auto& parent = parent_[static_cast<size_t>(i)];
      parent = parent_[static_cast<size_t>(parent)];
      i = parent;
    }
    return i;
  }

  void join(int32_t a, int32_t b) {
    a = find(a);
    b = find(b);
    parent_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<int32_t> parent_;
};

using Offset = std::array<int64_t, 3>;

// Neighbours that come earlier in memory.
std::vector<Offset> earlier_neighbours(Neighbours neighbours) {
  if (neighbours == Neighbours::kFaces) {
    return {{-1, 0, 0}, {0, -1, 0}, {0, 0, -1}};
  }
  std::vector<Offset> offsets;
  for (int64_t i = 0; i < 13; ++i) {
    offsets.push_back({i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1});
  }
  return offsets;
}

bool is_inside(const Grid& grid, const Offset& at) {
  for (size_t a = 0; a < 3; ++a) {
    if (at[a] < 0 || at[a] >= grid.shape[a]) {
      return false;
    }
  }
  return true;
}

size_t index_of(const Grid& grid, const Offset& at) {
  return static_cast<size_t>((at[0] * grid.shape[1] + at[1]) * grid.shape[2] +
                             at[2]);
}

template <typename Visit>
void for_each_voxel(const Grid& grid, const Visit& visit) {
  Offset at{};
  for (at[0] = 0; at[0] < grid.shape[0]; ++at[0]) {
    for (at[1] = 0; at[1] < grid.shape[1]; ++at[1]) {
      for (at[2] = 0; at[2] < grid.shape[2]; ++at[2]) {
        visit(at, index_of(grid, at));
      }
    }
  }
}

// Provisional labels, -1 outside; `sets` knows which of them are one.
std::vector<int32_t> first_pass(std::span<const uint8_t> mask, const Grid& grid,
                                Neighbours neighbours, UnionFind& sets) {
  const std::vector<Offset> offsets = earlier_neighbours(neighbours);
  std::vector<int32_t> label(mask.size(), -1);
  for_each_voxel(grid, [&](const Offset& at, size_t i) {
    if (mask[i] == 0) {
      return;
    }
    for (const Offset& by : offsets) {
      const Offset other = {at[0] + by[0], at[1] + by[1], at[2] + by[2]};
      if (!is_inside(grid, other) || label[index_of(grid, other)] < 0) {
        continue;
      }
      const int32_t found = label[index_of(grid, other)];
      if (label[i] < 0) {
        label[i] = found;
      } else {
        sets.join(label[i], found);
      }
    }
    label[i] = label[i] < 0 ? sets.add() : label[i];
  });
  return label;
}

// One line of the distance transform: lower envelope of the parabolas
// (x - q)^2 s^2 + f(q).
class LineTransform {
 public:
  explicit LineTransform(int64_t length)
      : place_(static_cast<size_t>(length)),
        border_(static_cast<size_t>(length) + 1),
        input_(static_cast<size_t>(length)) {}

  // In place, every `stride` values from `values` on; `step` is s.
  void run(double* values, int64_t stride, double step) {
    for (size_t q = 0; q < input_.size(); ++q) {
      input_[q] = values[static_cast<int64_t>(q) * stride];
    }
    build(step * step);
    if (size_ == 0) {
      return;  // Nothing finite: stays infinite.
    }
    size_t k = 0;
    for (size_t x = 0; x < input_.size(); ++x) {
      while (k + 1 < size_ && border_[k + 1] < static_cast<double>(x)) {
        ++k;
      }
      const double gap =
          step * (static_cast<double>(x) - static_cast<double>(place_[k]));
      values[static_cast<int64_t>(x) * stride] = gap * gap + input_[place_[k]];
    }
  }

 private:
  void build(double square) {
    size_ = 0;
    for (size_t q = 0; q < input_.size(); ++q) {
      if (input_[q] == kInfinity) {
        continue;
      }
      double crossing = -kInfinity;
      while (size_ > 0 && (crossing = cross(q, place_[size_ - 1], square)) <=
                              border_[size_ - 1]) {
        --size_;
      }
      border_[size_] = size_ == 0 ? -kInfinity : crossing;
      place_[size_++] = q;
    }
  }

  // Where the parabola of q goes below that of p < q.
  double cross(size_t q, size_t p, double square) const {
    const auto at_q = static_cast<double>(q);
    const auto at_p = static_cast<double>(p);
    return ((input_[q] + square * at_q * at_q) -
            (input_[p] + square * at_p * at_p)) /
           (2.0 * square * (at_q - at_p));
  }

  std::vector<size_t> place_;   // Of the parabolas of the envelope.
  std::vector<double> border_;  // From where each is the lowest.
  std::vector<double> input_;
  size_t size_ = 0;
};

}  // namespace

Components connected_components(std::span<const uint8_t> mask, const Grid& grid,
                                Neighbours neighbours) {
  check_size(mask.size(), grid);
  UnionFind sets;
  Components components;
  components.label = first_pass(mask, grid, neighbours, sets);
  std::vector<int32_t> number(mask.size() + 1);  // Of a representative; 0: new.
  for (int32_t& label : components.label) {
    if (label < 0) {
      label = 0;
      continue;
    }
    int32_t& own = number[static_cast<size_t>(sets.find(label))];
    if (own == 0) {
      components.voxels.push_back(0);
      own = static_cast<int32_t>(components.voxels.size());
    }
    label = own;
    ++components.voxels[static_cast<size_t>(own) - 1];
  }
  return components;
}

void keep_largest_component(std::span<uint8_t> mask, const Grid& grid,
                            Neighbours neighbours) {
  const Components found = connected_components(mask, grid, neighbours);
  const auto largest =
      std::max_element(found.voxels.begin(), found.voxels.end());
  const auto kept = static_cast<int32_t>(largest - found.voxels.begin()) + 1;
  for (size_t i = 0; i < mask.size(); ++i) {
    mask[i] = found.label[i] == kept ? mask[i] : uint8_t{0};
  }
}

std::vector<uint8_t> surface_of(std::span<const uint8_t> mask,
                                const Grid& grid) {
  check_size(mask.size(), grid);
  std::vector<uint8_t> surface(mask.size());
  for_each_voxel(grid, [&](const Offset& at, size_t i) {
    if (mask[i] == 0) {
      return;
    }
    for (size_t axis = 0; axis < 3 && surface[i] == 0; ++axis) {
      for (const int64_t step : {-1, 1}) {
        Offset other = at;
        other[axis] += step;
        if (!is_inside(grid, other) || mask[index_of(grid, other)] == 0) {
          surface[i] = 1;
        }
      }
    }
  });
  return surface;
}

std::vector<double> squared_distances(std::span<const uint8_t> mask,
                                      const Grid& grid) {
  check_size(mask.size(), grid);
  std::vector<double> distance(mask.size());
  std::transform(mask.begin(), mask.end(), distance.begin(),
                 [](uint8_t value) { return value != 0 ? 0.0 : kInfinity; });
  const std::array<int64_t, 3> strides = {grid.shape[1] * grid.shape[2],
                                          grid.shape[2], 1};
  for (size_t axis = 0; axis < 3; ++axis) {
    LineTransform line(grid.shape[axis]);
    for_each_voxel(grid, [&](const Offset& at, size_t i) {
      if (at[axis] == 0) {
        line.run(distance.data() + i, strides[axis], grid.spacing_mm[axis]);
      }
    });
  }
  return distance;
}

}  // namespace voxlift::trainer
