#include "trainer/input/size_schedule.h"

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

SizeSchedule::SizeSchedule(const std::string& text, const std::string& key) {
  const auto refuse = [&](const std::string& entry) {
    throw ConfigError(str_cat(key, " = '", text, "': '", entry,
                              "' is not epoch:size with rising epochs from 0 "
                              "on, as in 0:128,30:160"));
  };
  for (const std::string& entry :
       text.empty() ? std::vector<std::string>() : str_split(text, ',')) {
    const size_t colon = entry.find(':');
    if (colon == std::string::npos) {
      refuse(entry);
    }
    const int64_t epoch = parse_int(entry.substr(0, colon)).value_or(-1);
    const int64_t size = parse_int(entry.substr(colon + 1)).value_or(0);
    const bool in_order =
        sizes_.empty() ? epoch == 0 : epoch > sizes_.back().first;
    if (!in_order || size < 1) {
      refuse(entry);
    }
    sizes_.emplace_back(epoch, size);
  }
}

int64_t SizeSchedule::size_at(int64_t epoch, int64_t otherwise) const {
  int64_t size = otherwise;
  for (const auto& [begin, side] : sizes_) {
    size = epoch >= begin ? side : size;
  }
  return size;
}

int64_t SizeSchedule::next_change(int64_t epoch, int64_t last) const {
  for (const auto& [begin, side] : sizes_) {
    if (begin > epoch) {
      return std::min(begin, last);
    }
  }
  return last;
}

}  // namespace voxlift::trainer
