#include "dataio/manifest.h"

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

const char* modality_name(Modality modality) {
  return modality == Modality::kPhotograph ? "photograph" : "volume";
}

Modality parse_modality(const std::string& name, const std::string& origin) {
  for (const Modality modality : {Modality::kPhotograph, Modality::kVolume}) {
    if (name == modality_name(modality)) {
      return modality;
    }
  }
  throw DataError(str_cat(origin, ": modality '", name,
                          "', want 'photograph' or 'volume'"));
}

}  // namespace voxlift::dataio
