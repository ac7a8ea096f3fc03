#include "dataio/decode/world.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

Affine affine_from_ras(const Placement& placement) {
  Affine affine;
  for (size_t r = 0; r < 3; ++r) {
    affine[r] = {placement.step_d[r], placement.step_h[r], placement.step_w[r],
                 placement.origin[r]};
  }
  return affine;
}

Affine affine_from_lps(const Placement& placement) {
  Affine affine = affine_from_ras(placement);
  for (size_t r = 0; r < 2; ++r) {  // Left to right, back to front.
    for (double& value : affine[r]) {
      value = 0.0 - value;
    }
  }
  return affine;
}

Affine affine_from_spacing(const std::array<double, 3>& spacing_mm) {
  return {{{0, 0, spacing_mm[2], 0},
           {0, spacing_mm[1], 0, 0},
           {spacing_mm[0], 0, 0, 0}}};
}

Vector3 cross(const Vector3& a, const Vector3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
          a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector3& a, const Vector3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double norm(const Vector3& a) {
  return std::sqrt(dot(a, a));
}

Vector3 scaled(const Vector3& a, double factor) {
  return {a[0] * factor, a[1] * factor, a[2] * factor};
}

void check_affine(const Affine& affine, const std::string& what,
                  const std::string& origin) {
  const auto column = [&](size_t c) {
    return Vector3{affine[0][c], affine[1][c], affine[2][c]};
  };
  const double lengths = norm(column(0)) * norm(column(1)) * norm(column(2));
  const double volume = std::fabs(dot(column(0), cross(column(1), column(2))));
  // NaN and infinity fail the comparison too.
  if (!(volume > 1e-6 * lengths) || !std::isfinite(norm(column(3)))) {
    throw DataError(str_cat(origin, ": the ", what,
                            " matrix is singular or not finite: it spans ",
                            volume, " mm^3 a voxel"));
  }
}

void check_spacing(const std::array<double, 3>& spacing_mm,
                   const std::string& origin) {
  for (const double spacing : spacing_mm) {
    if (!(spacing > 0.0) || !std::isfinite(spacing)) {
      throw DataError(
          str_cat(origin, ": a spacing is ", spacing, " mm, want above 0"));
    }
  }
}

}  // namespace voxlift::dataio
