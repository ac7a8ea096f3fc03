#include <torch/torch.h>

#include "launcher/parity/agree_check.h"
#include "trainer/comm/thread_comm.h"
#include "trainer/infer/sliding_window.h"

namespace voxlift::launcher {
namespace {

dataio::Shape3 triple(const sharding::H5Group& input, const std::string& name) {
  const auto values = input.dataset(name).read<int64_t>();
  return {values.at(0), values.at(1), values.at(2)};
}

torch::Tensor place_scores(const torch::Tensor& x_NCDHW) {
  const auto axis = [&](int64_t dim, double factor) {
    std::vector<int64_t> shape(5, 1);
    shape[static_cast<size_t>(dim)] = x_NCDHW.size(dim);
    return torch::arange(x_NCDHW.size(dim), torch::kFloat64).view(shape) *
           factor;
  };
  const torch::Tensor place =
      (0.37 * (axis(2, 25.0) + axis(3, 5.0) + axis(4, 1.0)))
          .sin()
          .to(torch::kFloat32);
  return torch::cat({x_NCDHW * place, x_NCDHW + place}, 1);
}

trainer::SlidingWindowConfig config_of(const sharding::H5Group& input) {
  trainer::SlidingWindowConfig config;
  config.window = triple(input, "window");
  config.stride = triple(input, "stride");
  config.weights = input.read_string_attribute("weights");
  config.flips = input.read_string_attribute("flips");
  config.batch = input.read_attribute<int64_t>("batch");
  config.validate("");
  return config;
}

}  // namespace

Json agree_window(const sharding::H5Group& input) {
  const auto config = config_of(input);
  const auto shape = input.dataset("image").shape();
  auto voxels = input.dataset("image").read<float>();
  const torch::Tensor image_DHW = torch::from_blob(voxels.data(), shape);
  const trainer::WindowVolume volume = {{shape.at(0), shape.at(1), shape.at(2)},
                                        trainer::read_tensor(image_DHW, 0.0F)};
  torch::Tensor scores_KDHW = torch::zeros({2, shape[0], shape[1], shape[2]});
  trainer::run_thread_ranks(
      static_cast<int>(input.read_attribute<int64_t>("ranks")), {},
      [&](trainer::Communicator& comm) {
        // Every plane is one rank's alone: no two threads write one.
        trainer::slide_window(
            volume, place_scores, config, comm,
            [&](int64_t plane, const torch::Tensor& plane_KHW) {
              scores_KDHW.select(1, plane).copy_(plane_KHW);
            });
      });
  const auto* values = scores_KDHW.data_ptr<float>();
  return {{"scores", std::vector<float>(values, values + scores_KDHW.numel())}};
}

}  // namespace voxlift::launcher
