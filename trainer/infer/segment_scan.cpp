#include "trainer/infer/segment_scan.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/infer/label_stream.h"
#include "trainer/metrics/grid.h"

namespace voxlift::trainer {
namespace {

void check_one_of(const std::string& name, const std::string& value,
                  const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    throw ConfigError(str_cat(name, " = '", value, "': must be one of ",
                              str_join(known, ", ")));
  }
}

// First plane of every rank and, behind the last, the number of planes.
std::vector<int64_t> plane_begins(const WindowPlan& plan, int size) {
  std::vector<int64_t> begins = {0};
  for (int rank = 0; rank < size; ++rank) {
    begins.push_back(plan.share(rank, size).plane_end);
  }
  return begins;
}

std::vector<uint8_t> gather_labels(std::vector<uint8_t> own,
                                   Communicator& comm) {
  if (comm.size() == 1) {
    return own;
  }
  std::vector<uint8_t> all;
  for (const auto& piece :
       all_gather_bytes(comm, std::as_bytes(std::span(own)))) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(piece.data());
    all.insert(all.end(), bytes, bytes + piece.size());
  }
  return all;
}

void keep_class(std::vector<uint8_t>& labels, uint8_t label, const Grid& grid) {
  std::vector<uint8_t> mask(labels.size());
  std::transform(labels.begin(), labels.end(), mask.begin(),
                 [label](uint8_t value) { return value == label ? 1 : 0; });
  keep_largest_component(mask, grid, Neighbours::kFaces);
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = labels[i] == label && mask[i] == 0 ? 0 : labels[i];
  }
}

}  // namespace

void SegmentConfig::validate(const std::string& path) const {
  window.validate(path);
  check_one_of(path + "resample", resample, {"linear", "nearest"});
  check_one_of(path + "keep", keep, {"all", "largest", "largest_per_class"});
}

void keep_components(std::vector<uint8_t>& labels, const dataio::Shape3& shape,
                     const std::string& keep) {
  const Grid grid = {shape, {1.0, 1.0, 1.0}};
  if (keep == "largest") {
    keep_largest_component(labels, grid, Neighbours::kFaces);
  } else if (keep == "largest_per_class" && !labels.empty()) {
    const int most = *std::max_element(labels.begin(), labels.end());
    for (int label = 1; label <= most; ++label) {
      keep_class(labels, static_cast<uint8_t>(label), grid);
    }
  }
}

std::vector<uint8_t> segment_scan(const SegmentInput& input,
                                  const WindowNetwork& network,
                                  const SegmentConfig& config,
                                  Communicator& comm) {
  const torch::NoGradGuard no_grad;
  GridMap map = map_grid(input.target, input.grid, input.origin);
  if (config.resample == "nearest") {
    round_to_nearest(map);
  }
  LabelStream stream(map);
  slide_window({input.grid.shape, input.read}, network, config.window, comm,
               [&](int64_t plane, const torch::Tensor& scores_KHW) {
                 stream.add(plane, scores_KHW);
               });
  const WindowPlan plan(input.grid.shape, config.window);
  stream.settle(plane_begins(plan, comm.size()), comm);
  std::vector<uint8_t> turned = gather_labels(stream.take(), comm);
  keep_components(turned, map.turned_shape(), config.keep);
  std::vector<uint8_t> labels(turned.size());
  inverse_of(map.to_source)
      .apply(std::span<const uint8_t>(turned), map.turned_shape(), labels);
  return labels;
}

}  // namespace voxlift::trainer
