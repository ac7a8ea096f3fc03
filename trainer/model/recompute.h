#pragma once
// Memory for time: a part of the network that forgets what it computed.

#include <torch/torch.h>

#include <functional>

namespace voxlift::trainer {

// body(x), of which only x and the result are kept; backward calls `body` once
// more and goes on from there. The gradients are the same bits, since the same
// is computed: `body` must draw no random numbers and leave nothing behind that
// a second call changes. Its parameters get their gradients accumulated, so
// torch::autograd::grad() does not see them. x must need a gradient, unless
// gradients are off: then this is body(x).
// Source: Chen et al., "Training deep nets with sublinear memory cost", 2016,
// arXiv 1604.06174.
torch::Tensor recompute_in_backward(
    const std::function<torch::Tensor(const torch::Tensor&)>& body,
    const torch::Tensor& x);

}  // namespace voxlift::trainer
