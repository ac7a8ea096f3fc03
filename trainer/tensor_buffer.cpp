#include "trainer/tensor_buffer.h"

#include <memory>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

DType dtype_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kFloat32:
      return DType::kFloat32;
    case torch::kFloat64:
      return DType::kFloat64;
    case torch::kInt64:
      return DType::kInt64;
    case torch::kUInt8:
      return DType::kUint8;
    default:
      throw InternalError("no communicator dtype for this tensor");
  }
}

torch::Tensor tensor_of(const Buffer& buffer, const torch::Device& device) {
  const auto type =
      buffer.dtype == DType::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return torch::from_blob(buffer.data, {buffer.count},
                          torch::TensorOptions().dtype(type).device(device));
}

}  // namespace

Buffer buffer_of_tensor(const torch::Tensor& tensor) {
  VOXLIFT_CHECK(tensor.is_contiguous(), "a buffer must be contiguous");
  return {tensor.data_ptr(), tensor.numel(), dtype_of(tensor)};
}

TreeArithmetic arithmetic_on(const torch::Device& device) {
  if (device.is_cpu()) {
    return host_arithmetic();
  }
  const auto memory = std::make_shared<torch::Tensor>();
  return {[device](Buffer to, Buffer from) {
            const torch::NoGradGuard no_grad;
            tensor_of(to, device).add_(tensor_of(from, device));
          },
          [memory, device](int64_t bytes) -> void* {
            if (!memory->defined() || memory->numel() < bytes) {
              *memory = torch::empty(
                  {bytes},
                  torch::TensorOptions().dtype(torch::kUInt8).device(device));
            }
            return memory->data_ptr();
          }};
}

}  // namespace voxlift::trainer
