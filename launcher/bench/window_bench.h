#pragma once
// `voxlift bench infer.window`: a sliding window over a made-up scan.

#include <cstdint>
#include <ostream>
#include <string>

#include "dataio/volume.h"
#include "trainer/comm/communicator.h"
#include "trainer/infer/segment_scan.h"

namespace voxlift::launcher {

struct WindowBenchConfig {
  dataio::Shape3 shape = {600, 512, 512};
  int64_t classes = 14;
  // "pointwise": a made-up score per voxel and class, next to no work; else a
  // network for segmentation (trainer/model/make_network.h).
  std::string network = "pointwise";
  int64_t threads = 1;
  trainer::SegmentConfig segment;

  void validate() const;  // Throws ConfigError.
};

// COLLECTIVE. Labels a scan of random voxels, held in memory. Every rank
// contributes; rank 0 writes one line of JSON to `out`: seconds, windows, the
// largest peak of resident memory beyond what the network and the libraries
// take, of which the scan itself and the network at one window, and a digest of
// the labels, which does not depend on the ranks.
void bench_window(const WindowBenchConfig& config, trainer::Communicator& comm,
                  std::ostream& out);

}  // namespace voxlift::launcher
