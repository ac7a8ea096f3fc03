#include "launcher/launch/host_list.h"

#include <bit>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

int64_t slots_in(const std::string& word, const std::string& origin) {
  constexpr std::string_view kKey = "slots=";
  const std::optional<int64_t> slots = parse_int(word.substr(kKey.size()));
  if (!slots || *slots < 1) {
    throw ConfigError(str_cat(origin, ": '", word,
                              "', expected slots= and a number of at least 1"));
  }
  return *slots;
}

}  // namespace

std::vector<Host> parse_hostfile(std::string_view text,
                                 const std::string& origin) {
  std::vector<Host> hosts;
  int64_t number = 0;
  for (const std::string& line : str_split(text, '\n')) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    Host host;
    if (!(words >> host.name)) {
      continue;
    }
    for (std::string word; words >> word;) {
      if (word.starts_with("slots=")) {
        host.slots = slots_in(word, str_cat("'", origin, "' line ", number));
      }
    }
    hosts.push_back(host);
  }
  if (hosts.empty()) {
    throw ConfigError(str_cat("'", origin, "' names no host"));
  }
  return hosts;
}

std::string to_hostfile(std::span<const Host> hosts) {
  std::string text;
  for (const Host& host : hosts) {
    text += str_cat(host.name, " slots=", host.slots, "\n");
  }
  return text;
}

std::vector<Host> hosts_that_answer(
    std::span<const Host> hosts,
    const std::function<bool(const std::string& host)>& answers) {
  std::vector<char> good(hosts.size(), 0);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < hosts.size(); ++i) {
      threads.emplace_back(
          [&, i] { good[i] = answers(hosts[i].name) ? 1 : 0; });
    }
  }
  std::vector<Host> living;
  for (size_t i = 0; i < hosts.size(); ++i) {
    if (good[i] != 0) {
      living.push_back(hosts[i]);
    }
  }
  return living;
}

int64_t ranks_that_fit(int64_t ranks, int64_t slots, int64_t min_ranks) {
  const int64_t fit =
      slots >= ranks
          ? ranks
          : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(slots)));
  return fit >= min_ranks ? fit : 0;
}

}  // namespace voxlift::launcher
