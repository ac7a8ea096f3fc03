#pragma once
// Changes of a scan's grid. Image, mask, boxes, key slice, spacing and affine
// move together: what a voxel shows stays at its place in the patient.
//
// Memory: one more copy of the image while a function runs. One thread.

#include <string>

#include "dataio/scan.h"
#include "dataio/transform/orientation.h"

namespace voxlift::dataio {

// The turning after which the first letter of `code` is the direction of W, the
// second of H, the third of D: the order (i, j, k) of NIfTI and of nibabel's
// aff2axcodes. R or L, A or P, S or I: to the patient's right or left, front or
// back, head or feet. With "RAS" slices run from the feet to the head, rows
// from back to front, columns from left to right; "LPS" is the usual grid of
// axial DICOM series.
//
// An oblique affine counts as the grid direction nearest to it: of the 48
// turnings the one with the largest sum of cosines.
// Throws DataError naming `origin` if the affine gives an axis no direction.
Orientation orientation_to(const std::string& code, const Affine& affine,
                           const std::string& origin);

// Is it three letters, one of each pair?
bool is_orientation_code(const std::string& code);

// Exact: no voxel changes its value. Throws DataError naming `origin` if the
// scan has a key slice and D would become another axis.
void reorient_scan(Scan& scan, const Orientation& orientation,
                   const std::string& origin);

// The voxels of `box`, which may reach beyond the scan: there the image is
// `outside` and the mask 0. Boxes are clipped. Throws DataError naming `origin`
// if nothing is left of a box, or the key slice is cut off.
void crop_scan(Scan& scan, const VoxelBox& box, float outside,
               const std::string& origin);

// The same field of view in `shape` voxels: the image trilinear with half-pixel
// centres and no antialiasing, the mask nearest. The spacing becomes
// spacing_mm * old size / new size.
void resize_scan(Scan& scan, const Shape3& shape);

}  // namespace voxlift::dataio
