#pragma once
// What detectors share: a P3D backbone and its feature pyramid.

#include <torch/torch.h>

#include <vector>

#include "trainer/model/fpn.h"
#include "trainer/model/p3d.h"

namespace voxlift::trainer {

// Names: `backbone.*`, `neck.*`, the published ones. There is no neck with
// conversion = "keep3d".
class PyramidImpl : public torch::nn::Module {
 public:
  struct Outputs {
    std::vector<torch::Tensor> maps;    // Of the backbone's stages.
    std::vector<torch::Tensor> levels;  // Of the pyramid, one more; or none.
  };

  explicit PyramidImpl(const P3dOptions& options);

  Outputs forward(const torch::Tensor& x_NCDHW);

 private:
  P3dBackbone backbone_{nullptr};
  Fpn neck_{nullptr};
};

TORCH_MODULE(Pyramid);

}  // namespace voxlift::trainer
