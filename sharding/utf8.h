#pragma once
// Names from outside, which JSON and /id can only carry as UTF-8.

#include <string>

namespace voxlift::sharding {

bool is_utf8(const std::string& text);

// `text` with every byte that is no UTF-8 replaced by U+FFFD.
std::string printable_utf8(const std::string& text);

}  // namespace voxlift::sharding
