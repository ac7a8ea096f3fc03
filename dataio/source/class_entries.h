#pragma once
// The part that class folders and the ImageNet layout share.

#include <cstdint>
#include <string>

#include "dataio/manifest.h"
#include "dataio/source/folder_walk.h"

namespace voxlift::dataio {

// Appends the pictures below the walk's root/`below` as entries of `label`.
// Throws DataError naming `dir_shown` if there is none.
void append_class(FolderWalk& walk, const std::string& below, int64_t label,
                  const std::string& dir_shown, Manifest& manifest);

}  // namespace voxlift::dataio
