#pragma once
// Which depth a colour plane goes to.

#include <array>

#include "base/random.h"

namespace voxlift::dataio {

// Depth of the red, green and blue plane: with probability `shuffle_prob` one
// of the six orders, all equally likely; else 0, 1, 2.
// Draws: one for the decision; if shuffled, two more.
std::array<int, 3> draw_plane_order(double shuffle_prob, RandomStream& draws);

}  // namespace voxlift::dataio
