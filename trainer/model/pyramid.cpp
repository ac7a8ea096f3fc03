#include "trainer/model/pyramid.h"

namespace voxlift::trainer {

PyramidImpl::PyramidImpl(const P3dOptions& options)
    : backbone_(register_module("backbone", P3dBackbone(options))) {
  if (!options.modified || options.conversion != "keep3d") {
    neck_ = register_module("neck", Fpn(backbone_->out_channels()));
  }
}

PyramidImpl::Outputs PyramidImpl::forward(const torch::Tensor& x_NCDHW) {
  Outputs out = {.maps = backbone_->forward(x_NCDHW), .levels = {}};
  if (neck_) {
    out.levels = neck_->forward(out.maps);
  }
  return out;
}

}  // namespace voxlift::trainer
