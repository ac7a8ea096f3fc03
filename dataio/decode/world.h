#pragma once
// Where voxels lie: affines from what file headers say.

#include <array>
#include <string>

#include "dataio/volume.h"

namespace voxlift::dataio {

using Vector3 = std::array<double, 3>;

// Steps between neighbouring voxels along width, height and depth (x, y, z of
// most formats), and the centre of voxel 0, in mm.
struct Placement {
  Vector3 step_w{1, 0, 0};
  Vector3 step_h{0, 1, 0};
  Vector3 step_d{0, 0, 1};
  Vector3 origin{0, 0, 0};
};

// The affine of a placement in RAS+, the world of NIfTI; or of one whose axes
// point to the patient's left, back and head (LPS: DICOM, MetaImage).
Affine affine_from_ras(const Placement& placement);
Affine affine_from_lps(const Placement& placement);

// (D, H, W): kIdentityAffine with other steps.
Affine affine_from_spacing(const std::array<double, 3>& spacing_mm);

Vector3 cross(const Vector3& a, const Vector3& b);
double dot(const Vector3& a, const Vector3& b);
double norm(const Vector3& a);
Vector3 scaled(const Vector3& a, double factor);

// Throws DataError if a number is not finite or the axes lie in one plane: such
// a matrix places nothing. `what` names it: "sform".
void check_affine(const Affine& affine, const std::string& what,
                  const std::string& origin);

// Throws DataError unless all are finite and above 0.
void check_spacing(const std::array<double, 3>& spacing_mm,
                   const std::string& origin);

}  // namespace voxlift::dataio
