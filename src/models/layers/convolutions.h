// Convolutions of published networks beyond those of the op: with gaps between the pixels of a window, of each channel
// by itself, with mirrored borders, of steps backwards, and with the batch norm that follows multiplied into them. f32.
#pragma once

#include <optional>

#include "models/onnx/windows.h"
#include "nn/layers.h"

namespace easel::models::layers {

enum class Border { kBlack, kMirrored };

struct Window {
  int64_t size = 3, stride = 1;
  int64_t gap = 1;                  // from one of its pixels to the next (dilation)
  int64_t before = -1, after = -1;  // pixels put around the map; -1: as many as keep the size at a step of 1
  Border border = Border::kBlack;
  bool bias = true;
};

// The first dimension of a layer's weight, of which `rank` is the number of dimensions: the channels that it gives.
// Throws Error(kBadFile) for another rank.
int64_t outputs_of(const nn::Weights& w, int rank);

// x divided by the root of the sum of its squares along the dimensions `first` to `last`, at least by 1e-12 (torch's
// normalize()).
Tensor of_length_one(const Tensor& x, int first, int last);

// A batch norm as it was left by training: x * scale + shift for each channel. Keys: weight, bias, running_mean and
// running_var, of `channels` values; undefined if they are missing (which is recorded) or `w` is only probed. Throws
// Error(kBadFile) for other shapes.
struct BatchNorm {
  BatchNorm() = default;
  BatchNorm(const nn::Weights& w, int64_t channels, float eps = 1e-5f);
  Tensor scale, shift;  // f32 [channels] on the host
};

// Keys: weight [out,in,k,k], bias [out].
class Convolution {
 public:
  Convolution() = default;
  // Throws Error(kBadFile) for other shapes.
  Convolution(const nn::Weights& w, int64_t in, int64_t out, const Window& window = {},
              const std::optional<BatchNorm>& norm = {});
  // From values that were made of a file's; `bias` may be undefined.
  Convolution(const StoredTensor& weight, const StoredTensor& bias, const Window& window, const ops::Packer& packer);

  // [N,H,W,in] -> [N,H',W',out]
  Tensor operator()(const Tensor& x, const ops::ConvArgs& args = {}) const;
  int64_t in_channels() const { return packed_ ? packed_->in_channels : 0; }
  int64_t out_channels() const { return packed_ ? packed_->out_channels : 0; }
  size_t bytes() const { return packed_ ? packed_->bytes : 0; }

 private:
  void pack(const StoredTensor& weight, const StoredTensor& bias, const ops::Packer& packer);
  Window window_;
  ops::PackedConvPtr packed_;
};

// Each channel by itself. Keys: weight [channels,1,k,k], bias [channels].
class ChannelConvolution {
 public:
  ChannelConvolution() = default;
  ChannelConvolution(const nn::Weights& w, int64_t channels, const Window& window = {},
                     const std::optional<BatchNorm>& norm = {});
  // From values [channels,1,k,k] that were made of a file's.
  ChannelConvolution(const StoredTensor& weight, const StoredTensor& bias, const Window& window,
                     const ops::Packer& packer);

  Tensor operator()(const Tensor& x) const;
  size_t bytes() const { return bytes_; }

 private:
  void take(const StoredTensor& weight, const StoredTensor& bias, const ops::Packer& packer);
  Window window_;
  Tensor weights_, bias_;  // [k k,1,1,channels], [1,1,1,channels]
  size_t bytes_ = 0;
};

// A convolution turned round with a step of 2: each pixel becomes a window of 2 x 2 places' distance. Keys: weight
// [in,out,k,k], bias [out]. `pad` is torch's; the result has twice the size (output_padding k - 2 pad beyond it is
// chosen so). k <= 4.
class TurnedConvolution {
 public:
  TurnedConvolution() = default;
  TurnedConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t size, int64_t pad, bool bias = true,
                    const std::optional<BatchNorm>& norm = {});
  // From values [in,out,k,k] that were made of a file's, which a packer that only measures does not look at; `more`
  // pixels of the small map follow behind it, as zeros.
  TurnedConvolution(const StoredTensor& weight, const StoredTensor& bias, int64_t pad, int64_t more,
                    const ops::Packer& packer);

  // [N,H,W,in] -> [N,2(H+more),2(W+more),out]
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const { return phases_.bytes(); }

 private:
  void take(const StoredTensor& weight, const StoredTensor& bias, int64_t pad, int64_t more, const ops::Packer& packer);
  Convolution phases_;
};

// Each channel of each map to mean 0 and variance 1: torch's InstanceNorm2d without parameters.
class InstanceNorm {
 public:
  InstanceNorm() = default;
  InstanceNorm(int64_t channels, Device device);
  Tensor operator()(const Tensor& x) const;

 private:
  Tensor ones_, zeros_;
};

// The largest value of each window of `size` x `size` pixels, `stride` apart, with `pad` pixels around that count for
// nothing.
Tensor max_of_windows(const Tensor& x, int64_t size, int64_t stride, int64_t pad);

Tensor relu(const Tensor& x);
// slope x where x is below 0.
Tensor leaky(const Tensor& x, float slope);
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
// [N,H,W,C] with its border mirrored at the end pixels.
Tensor mirrored_border(const Tensor& x, int64_t before, int64_t after);

}  // namespace easel::models::layers
