#pragma once
// Fixed-size maps of boxes.

#include <torch/torch.h>

#include <cstdint>

namespace voxlift::trainer {

struct RoiAlignOptions {
  int64_t size = 7;    // Bins per axis.
  double scale = 1.0;  // Pixels of the map per pixel of the boxes.
  // Samples per axis of a bin; 0: one per pixel of the bin, rounded up.
  int64_t samples = 0;
};

// For each box the mean over each of its bins of bilinear samples, evenly
// spread: (R, C, size, size). features_NCHW: float32 or float64. rois_R5: the
// image's number and the box, of any floating dtype. Pixel centres are at half
// numbers ("aligned"); a sample more than one pixel outside counts as 0, a
// nearer one takes the edge. Differentiable in the features, not in the boxes.
//
// Sums have an order of their own that depends on nothing else: the same bits
// on any number of threads, backward as well. On a GPU it moves the features to
// the host and the result back: about 22 MB a sample of 512 x 512 pixels.
// Source: He et al., ICCV 2017, DOI 10.1109/ICCV.2017.322.
torch::Tensor roi_align(const torch::Tensor& features_NCHW,
                        const torch::Tensor& rois_R5,
                        const RoiAlignOptions& options);

}  // namespace voxlift::trainer
