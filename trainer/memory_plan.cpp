#include "trainer/memory_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

namespace voxlift::trainer {
namespace {

using Parts = std::vector<std::pair<const char*, int64_t>>;

Parts parts_of(const MemoryPlan& plan) {
  return {{"process", plan.process},         {"weights", plan.weights},
          {"gradients", plan.gradients},     {"optimizer", plan.optimizer},
          {"activations", plan.activations}, {"loader", plan.loader},
          {"checkpoint", plan.checkpoint}};
}

std::string gigabytes(int64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f",
                static_cast<double>(bytes) * 1e-9);
  return text.data();
}

}  // namespace

int64_t MemoryPlan::total() const {
  int64_t sum = 0;
  for (const auto& [name, bytes] : parts_of(*this)) {
    sum += bytes;
  }
  return sum;
}

Json MemoryPlan::to_json() const {
  Json json = {{"total", total()}};
  for (const auto& [name, bytes] : parts_of(*this)) {
    json[name] = bytes;
  }
  return json;
}

std::string MemoryPlan::text() const {
  Parts parts = parts_of(*this);
  std::stable_sort(
      parts.begin(), parts.end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text = gigabytes(total()) + " GB:";
  for (const auto& [name, bytes] : parts) {
    text += std::string(name == parts.front().first ? " " : ", ") + name + " " +
            gigabytes(bytes);
  }
  return text;
}

}  // namespace voxlift::trainer
