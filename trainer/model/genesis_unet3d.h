#pragma once
// The 3D U-Net of Models Genesis, and its encoder as a classifier.
//
// Source: Zhou et al., "Models Genesis", Medical Image Analysis 2021, DOI
// 10.1016/j.media.2020.101840. Parameter names are those of the published
// files. The published network ends in a sigmoid, which its users then gave to
// losses that apply a softmax; ours ends in logits.
//
// Its batch norms never use running statistics: those of the batch in training
// and, in evaluation, those of the sample. The published network takes the
// batch there, too, and is evaluated with batches of one, where both are the
// same; so a score of ours does not depend on which cases share a batch.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/model/conv.h"
#include "trainer/model/norm.h"

namespace voxlift::trainer {

struct GenesisOptions {
  int64_t in_channels = 1;
  int64_t classes = 2;
  int64_t base_channels = 32;  // The first convolution's.
  double dropout = 0.0;        // The encoder's, before the head.
};

// Batch norm that in evaluation uses the statistics of each sample. The running
// ones are kept, since files have them, and never used.
class UntrackedNormImpl : public BatchNormImpl {
 public:
  using BatchNormImpl::BatchNormImpl;

  torch::Tensor forward(const torch::Tensor& x_NC) override;
};

// relu(norm(conv(x))), 3x3x3 with bias. Names: `conv1.*`, `bn1.*`.
class GenesisLayerImpl : public torch::nn::Module {
 public:
  GenesisLayerImpl(int64_t in_channels, int64_t out_channels);

  torch::Tensor forward(const torch::Tensor& x_NCDHW);

 private:
  Conv3d conv_{nullptr};
  std::shared_ptr<UntrackedNormImpl> norm_;
};

TORCH_MODULE(GenesisLayer);

// Four levels of two layers, a max pool of 2 between them; b = base_channels.
// Names: down_tr64, down_tr128, down_tr256, down_tr512, each `.ops.{0,1}.*`.
class GenesisEncoderImpl : public torch::nn::Module {
 public:
  explicit GenesisEncoderImpl(const GenesisOptions& options);

  // Of x (N, C, D, H, W), axes multiples of 8: (N, 2^(s+1) b, D / 2^s, H / 2^s,
  // W / 2^s) for s = 0..3.
  std::vector<torch::Tensor> forward(torch::Tensor x_NCDHW);

  int64_t out_channels() const { return out_channels_; }

 private:
  std::vector<std::vector<GenesisLayer>> levels_;
  int64_t out_channels_ = 0;
};

TORCH_MODULE(GenesisEncoder);

// Each level comes up by a transposed convolution of 2, is joined with its skip
// and convolved twice. Names: the encoder's, up_tr256, up_tr128, up_tr64 (each
// `.up_conv.*`, `.ops.{0,1}.*`), `out_tr.final_conv.*`.
class GenesisUNet3DImpl : public torch::nn::Module {
 public:
  explicit GenesisUNet3DImpl(const GenesisOptions& options);

  // Logits (N, classes, D, H, W). Throws ConfigError naming an axis that is no
  // multiple of 8.
  torch::Tensor forward(const torch::Tensor& x_NCDHW);

 private:
  struct Up {
    torch::nn::ConvTranspose3d up_conv{nullptr};
    std::vector<GenesisLayer> layers;
  };

  std::vector<std::vector<GenesisLayer>> down_;
  std::vector<Up> up_;  // From the deepest level.
  Conv3d final_conv_{nullptr};
};

TORCH_MODULE(GenesisUNet3D);

// The encoder, global average pool and a linear head. Names: `backbone.*`,
// `head.fc.*`.
class GenesisClassifierImpl : public torch::nn::Module {
 public:
  explicit GenesisClassifierImpl(const GenesisOptions& options);

  // What the head averages over D, H, W: (N, C, d, h, w).
  torch::Tensor features(const torch::Tensor& x_NCDHW);

  // Logits (N, classes).
  torch::Tensor forward(const torch::Tensor& x_NCDHW);

 private:
  double dropout_;
  GenesisEncoder backbone_{nullptr};
  torch::nn::Linear fc_{nullptr};
};

TORCH_MODULE(GenesisClassifier);

// Fills every parameter from `seed`: convolutions uniform in +-1/sqrt(fan in),
// a linear head N(0, 0.01^2), norms one and zero, biases zero.
void initialize(GenesisUNet3DImpl& model, uint64_t seed);
void initialize(GenesisClassifierImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
