#include "dataio/encode/jpeg_restarts.h"

#include "dataio/decode/jpeg_cut.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

// Four bytes choose the rectangle; the rest is cut as it is, and once more with
// the restart markers that we put in.
void fuzz_jpeg_restarts(Bytes input) {
  InputReader reader(input);
  dataio::CropBox wanted;
  wanted.top = reader.byte();
  wanted.left = reader.byte();
  wanted.height = 1 + reader.byte();
  wanted.width = 1 + reader.byte();
  const auto cut = [&](Bytes jpeg) {
    std::vector<std::byte> out;
    dataio::CropBox kept;
    if (dataio::cut_jpeg(jpeg, wanted, out, kept)) {
      VOXLIFT_CHECK(kept.top <= wanted.top && kept.left <= wanted.left,
                    "the cut begins behind what was wanted");
    }
  };
  accept_or_refuse([&] {
    cut(reader.rest());
    if (const auto better = dataio::add_jpeg_restarts(reader.rest())) {
      cut(*better);
    }
  });
}

}  // namespace voxlift::fuzz
