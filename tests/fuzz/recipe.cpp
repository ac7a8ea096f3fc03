#include "dataio/recipe/recipe.h"

#include <algorithm>

#include "base/files.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

// 2 x 3 x 4 voxels with a mask and a box.
dataio::Scan small_scan() {
  dataio::Scan scan;
  scan.image.shape = {2, 3, 4};
  scan.image.spacing_mm = {2, 1, 1};
  scan.image.affine = {{{0, 0, 1, 0}, {0, 1, 0, 0}, {2, 0, 0, 0}}};
  for (int i = 0; i < 24; ++i) {
    scan.image.voxels.push_back(static_cast<float>(i));
    scan.mask.push_back(static_cast<uint8_t>(i % 3));
  }
  scan.boxes = {{{0, 0, 0}, {1, 2, 3}, 0}};
  return scan;
}

// Steps with longer numbers may make grids of any size.
bool has_small_numbers(const std::string& text) {
  int num_digits = 0;
  for (const char c : text) {
    num_digits = c >= '0' && c <= '9' ? num_digits + 1 : 0;
    if (num_digits > 1 || c == '.' || c == 'e' || c == 'E') {
      return false;
    }
  }
  return true;
}

}  // namespace

void fuzz_recipe(Bytes input) {
  accept_or_refuse([&] {
    const std::string given(as_text(input));
    const dataio::Recipe recipe = dataio::parse_recipe(given);
    const std::string text = recipe.text();
    VOXLIFT_CHECK(dataio::parse_recipe(text).text() == text,
                  "the canonical text of a recipe changes");
    if (text.size() < 100 &&
        (has_small_numbers(given) || has_small_numbers(text))) {
      dataio::Scan scan = small_scan();
      recipe.apply(scan, "a.nii");
      VOXLIFT_CHECK(scan.image.num_voxels() ==
                        static_cast<int64_t>(scan.image.voxels.size()),
                    "voxels of another shape");
    }
  });
}

}  // namespace voxlift::fuzz
