#pragma once
// A network that sees a window, over a volume of any size, in bounded memory.
//
// Windows of one depth form a row. The weighted scores of a row's windows are
// added up in their order; rows are added in order of depth; a plane that no
// later row sees is divided by its weights and handed out. So about two window
// depths of scores are in memory, and who has computed a row does not show:
// ranks that share a volume get the bits that one rank gets.

#include <torch/torch.h>

#include <cstdint>
#include <functional>

#include "dataio/volume.h"
#include "trainer/comm/communicator.h"
#include "trainer/infer/image_reader.h"
#include "trainer/infer/mirrored_mean.h"
#include "trainer/infer/window_plan.h"

namespace voxlift::trainer {

// Gets the mean scores of one plane, float32 (K, H, W) on the CPU, which are
// valid during the call only.
using PlaneSink =
    std::function<void(int64_t plane, const torch::Tensor& scores_KHW)>;

struct WindowVolume {
  dataio::Shape3 shape{};
  ImageReader read;
};

// COLLECTIVE over `comm` (host memory). Every rank computes the rows of
// WindowPlan::share and gets the planes of it, in rising order: together the
// ranks' sinks see each plane once. The scores' bits depend on config.batch and
// the threads, not on the number of ranks, as long as the network is a function
// of its input. Gradients are off.
//
// Memory, in planes of K scores: two window depths; for the ranks after the
// first, another (window - stride) at most; and what the network takes for
// config.batch windows. Ranks wait for each other at the end: the
// communicator's deadline must be longer than a row takes.
// Throws what reader, network and sink throw; CommError.
void slide_window(const WindowVolume& volume, const WindowNetwork& network,
                  const SlidingWindowConfig& config, Communicator& comm,
                  const PlaneSink& sink);

}  // namespace voxlift::trainer
