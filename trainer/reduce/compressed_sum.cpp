#include "trainer/reduce/compressed_sum.h"

#include "trainer/tensor_buffer.h"

namespace voxlift::trainer {
namespace {

constexpr auto kWire = torch::kBFloat16;

Buffer bytes_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr(), static_cast<int64_t>(tensor.nbytes()),
          DType::kUint8};
}

// Of what has been summed; 0 where the sum is not finite.
torch::Tensor rounding_error(const torch::Tensor& sum,
                             const torch::Tensor& rounded) {
  return (sum - rounded).nan_to_num_(0.0, 0.0, 0.0);
}

}  // namespace

// Who answers for what.
struct CompressedSum::Group {
  int me = 0;
  int size = 0;
  int64_t count = 0;  // Of the vector.

  torch::Tensor part(const torch::Tensor& vector, int k) const {
    return vector.slice(0, begin(k), begin(k + 1));
  }

  int64_t begin(int k) const { return count * k / size; }

  // In round r, k meets (r - k) modulo the size: every pair once, and nobody
  // two at once.
  int partner(int round) const { return (round - me + size) % size; }
};

CompressedSum::CompressedSum(Communicator& comm, int64_t arena_numel,
                             const torch::TensorOptions& options)
    : comm_(comm),
      residual_(torch::zeros({arena_numel}, options)),
      collected_(torch::zeros({arena_numel}, options)) {}

void CompressedSum::send_parts(const Group& group, const torch::Tensor& wire,
                               std::vector<torch::Tensor>* received) {
  for (int round = 0; round < group.size; ++round) {
    const int k = group.partner(round);
    if (k == group.me) {
      continue;
    }
    torch::Tensor& from = (*received)[static_cast<size_t>(k)];
    from = torch::empty_like(group.part(wire, group.me));
    comm_.exchange(k, bytes_of(group.part(wire, k)), bytes_of(from));
  }
}

void CompressedSum::send_sums(const Group& group, const torch::Tensor& wire) {
  for (int round = 0; round < group.size; ++round) {
    const int k = group.partner(round);
    if (k != group.me) {
      comm_.exchange(k, bytes_of(group.part(wire, group.me)),
                     bytes_of(group.part(wire, k)));
    }
  }
}

void CompressedSum::all_reduce(const torch::Tensor& values, int64_t offset) {
  const torch::NoGradGuard no_grad;
  const Group group = {
      .me = comm_.rank(), .size = comm_.size(), .count = values.numel()};
  const torch::Tensor wire = values.to(kWire);
  std::vector<torch::Tensor> received(static_cast<size_t>(group.size));
  send_parts(group, wire, &received);
  const torch::Tensor sum = group.part(values, group.me);
  for (const torch::Tensor& addend : received) {
    if (addend.defined()) {
      sum.add_(addend);
    }
  }
  const int64_t begin = offset + group.begin(group.me);
  const torch::Tensor kept = residual_.narrow(0, begin, sum.numel());
  sum.add_(kept);
  const torch::Tensor rounded = group.part(wire, group.me);
  rounded.copy_(sum);
  kept.copy_(rounding_error(sum, rounded));
  parts_[begin] = sum.numel();
  send_sums(group, wire);
  values.copy_(wire);
}

// Everywhere but in the parts of their owners, zeros are added.
void CompressedSum::collect() {
  if (parts_.empty()) {
    return;  // Nothing has been summed since restore().
  }
  const torch::NoGradGuard no_grad;
  collected_.zero_();
  for (const auto& [begin, count] : parts_) {
    collected_.narrow(0, begin, count).copy_(residual_.narrow(0, begin, count));
  }
  comm_.all_reduce_sum(buffer_of_tensor(collected_));
}

void CompressedSum::restore() {
  const torch::NoGradGuard no_grad;
  residual_.copy_(collected_);
  parts_.clear();
}

}  // namespace voxlift::trainer
