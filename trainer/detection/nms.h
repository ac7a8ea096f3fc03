#pragma once
// Non-maximum suppression.

#include <torch/torch.h>

namespace voxlift::trainer {

// Rows that stay, by falling score; of equal scores the earlier row comes
// first. A box goes if its IoU with a better one that stays is more than
// `max_iou`. One whose score is no number goes as well. int64 on the device of
// the boxes. Computes in float32 on the CPU, wherever the boxes are.
torch::Tensor nms(const torch::Tensor& boxes_N4, const torch::Tensor& scores_N,
                  double max_iou);

// The same, where only boxes of the same group (int64, N) suppress each other.
torch::Tensor nms_in_groups(const torch::Tensor& boxes_N4,
                            const torch::Tensor& scores_N,
                            const torch::Tensor& groups_N, double max_iou);

}  // namespace voxlift::trainer
