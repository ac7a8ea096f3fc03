#include "launcher/launch/slurm_answers.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <sstream>

#include "base/strings.h"

namespace voxlift::launcher {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

bool is_alive(const std::string& state) {
  constexpr std::array<std::string_view, 4> kGood = {"idle", "mixed",
                                                     "allocated", "completing"};
  return std::find(kGood.begin(), kGood.end(), state) != kGood.end();
}

}  // namespace

std::vector<std::string> pmix_plugins(std::string_view text) {
  std::vector<std::string> plugins;
  for (const std::string& line : str_split(text, '\n')) {
    std::vector<std::string> words = words_of(line);
    // "srun: pmix" in older versions; "specific pmix plugin versions
    // available: pmix_v3,pmix_v4" in newer ones.
    const bool is_list = words.size() == 1 ||
                         (words.size() == 2 && words[0] == "srun:") ||
                         line.find("available:") != std::string::npos;
    if (!is_list) {
      continue;
    }
    for (const std::string& word : str_split(words.back(), ',')) {
      if ((word == "pmix" || word.starts_with("pmix_v")) &&
          std::find(plugins.begin(), plugins.end(), word) == plugins.end()) {
        plugins.push_back(word);
      }
    }
  }
  return plugins;
}

int64_t parse_slurm_time(std::string_view text) {
  std::tm parts{};
  parts.tm_isdst = -1;
  const std::string copy(text);
  if (::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) {
    return 0;
  }
  const std::time_t seconds = std::mktime(&parts);
  return std::max<int64_t>(0, seconds);
}

std::vector<std::string> living_nodes(std::string_view text) {
  std::vector<std::string> nodes;
  for (const std::string& line : str_split(text, '\n')) {
    const std::vector<std::string> words = words_of(line);
    // A node stands there once for each of its partitions.
    if (words.size() == 2 && is_alive(words[1]) &&
        std::find(nodes.begin(), nodes.end(), words[0]) == nodes.end()) {
      nodes.push_back(words[0]);
    }
  }
  return nodes;
}

std::string slurm_setting(std::string_view text, std::string_view key) {
  const std::vector<std::string> words = words_of(text);
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == key && i + 2 < words.size() && words[i + 1] == "=") {
      return words[i + 2];
    }
    if (words[i].starts_with(str_cat(key, "="))) {
      return words[i].substr(key.size() + 1);
    }
  }
  return {};
}

}  // namespace voxlift::launcher
