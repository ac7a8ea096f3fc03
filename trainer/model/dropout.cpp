#include "trainer/model/dropout.h"

#include <ATen/CPUGeneratorImpl.h>

#include <utility>
#include <vector>

namespace voxlift::trainer {
namespace {

// Undefined outside SlotDraws.
at::Generator& generator_of_thread() {
  thread_local at::Generator generator;
  return generator;
}

uint64_t& seed_of_thread() {
  thread_local uint64_t seed = 0;
  return seed;
}

// 0 with probability `prob`, else 1 / (1 - prob).
torch::Tensor draw_mask(const std::vector<int64_t>& shape, double prob) {
  const at::Generator& own = generator_of_thread();
  torch::Tensor mask = torch::empty(shape, torch::kFloat32);
  mask.bernoulli_(1.0 - prob, own.defined() ? c10::optional<at::Generator>(own)
                                            : c10::nullopt);
  return mask.div_(1.0 - prob);
}

}  // namespace

SlotDraws::SlotDraws(uint64_t seed)
    : before_(std::exchange(generator_of_thread(),
                            at::detail::createCPUGenerator(seed))),
      seed_before_(std::exchange(seed_of_thread(), seed)) {}

SlotDraws::~SlotDraws() {
  generator_of_thread() = std::move(before_);
  seed_of_thread() = seed_before_;
}

uint64_t slot_seed() {
  return seed_of_thread();
}

torch::Tensor dropout(const torch::Tensor& x, double prob) {
  return x * draw_mask(x.sizes().vec(), prob).to(x.options());
}

torch::Tensor channel_dropout(const torch::Tensor& x_NC, double prob) {
  std::vector<int64_t> shape(static_cast<size_t>(x_NC.dim()), 1);
  shape[0] = x_NC.size(0);
  shape[1] = x_NC.size(1);
  return x_NC * draw_mask(shape, prob).to(x_NC.options());
}

}  // namespace voxlift::trainer
