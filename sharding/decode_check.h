#pragma once
// The check that pack makes of every file.

#include "dataio/manifest.h"
#include "sharding/pack.h"

namespace voxlift::sharding {

// Decodes with the decoder of `modality` and drops the result.
SampleCheck make_decode_check(dataio::Modality modality);

}  // namespace voxlift::sharding
