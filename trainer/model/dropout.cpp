#include "trainer/model/dropout.h"

#include <ATen/CPUGeneratorImpl.h>

#include <utility>

namespace voxlift::trainer {
namespace {

// Undefined outside SlotDraws.
at::Generator& generator_of_thread() {
  thread_local at::Generator generator;
  return generator;
}

}  // namespace

SlotDraws::SlotDraws(uint64_t seed)
    : before_(std::exchange(generator_of_thread(),
                            at::detail::createCPUGenerator(seed))) {}

SlotDraws::~SlotDraws() {
  generator_of_thread() = std::move(before_);
}

torch::Tensor dropout(const torch::Tensor& x, double prob) {
  const at::Generator& own = generator_of_thread();
  torch::Tensor mask = torch::empty(x.sizes(), torch::kFloat32);
  mask.bernoulli_(1.0 - prob, own.defined() ? c10::optional<at::Generator>(own)
                                            : c10::nullopt);
  return x * mask.div_(1.0 - prob).to(x.options());
}

}  // namespace voxlift::trainer
