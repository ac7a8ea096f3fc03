#pragma once
// Real data and golden vectors outside the repository.

#include <string>

namespace voxlift::test {

// The path of `below` in the folder of real data: $VOXLIFT_SHARED, or the CMake
// variable of that name. Empty if it does not exist; then a test skips:
//   if (path.empty()) { GTEST_SKIP() << shared_data_missing("data/x"); }
std::string shared_data(const std::string& below);

// "no data/x below FOLDER (set VOXLIFT_SHARED)".
std::string shared_data_missing(const std::string& below);

}  // namespace voxlift::test
