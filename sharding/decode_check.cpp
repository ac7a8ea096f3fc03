#include "sharding/decode_check.h"

#include "dataio/decode/decoder.h"

namespace voxlift::sharding {

SampleCheck make_decode_check(dataio::Modality modality) {
  if (modality == dataio::Modality::kPhotograph) {
    return [](std::span<const std::byte> bytes, const std::string& origin) {
      static_cast<void>(dataio::decode_image(bytes, origin));
    };
  }
  return [](std::span<const std::byte> bytes, const std::string& origin) {
    static_cast<void>(dataio::decode_volume(bytes, origin));
  };
}

}  // namespace voxlift::sharding
