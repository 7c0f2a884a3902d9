// Two-dimensional convolution over channels-last maps, with packed weights.
#pragma once

#include <memory>

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops {

// How a convolution is computed.
enum class ConvMethod {
  kAuto,    // Winograd where it is faster and its larger weights are affordable, else direct
  kDirect,  // the sum as defined
  // F(2x2, 3x3) where it applies (3x3, stride 1, padding 1, an even number of channels): 4/9 of the
  // multiplications, 16/9 of the memory. As exact as the sum in f32; in bf16 one layer has 1.4 to 1.8 times the
  // rounding error, a whole UNet 1.04 (docs/performance.md).
  kWinograd,
};

// The method that kAuto stands for in convolutions packed from now on: kAuto itself (chosen for each layer), or one of
// the others, for comparisons. The environment variable EASEL_CONV ("direct", "winograd") sets the initial value.
void set_default_conv_method(ConvMethod method);
ConvMethod default_conv_method();

struct ConvShape {
  int64_t stride = 1;
  int64_t pad = 0;         // zeros on each side ...
  int64_t pad_after = -1;  // ... except below and right, where this many if >= 0 (the VAE's downsample: 0 and 1)
  // Calls usually enlarge their input (ConvArgs::upsample2x). A 3x3 kernel with stride 1 and padding 1 is then packed
  // as four 2x2 kernels over the small map: the same sums, 4/9 of the multiplications, 16/9 of the memory. The first
  // call that does not enlarge packs the 3x3 kernel as well.
  bool upsample2x = false;
  ConvMethod method = ConvMethod::kAuto;
};

class PackedConv {
 public:
  virtual ~PackedConv() = default;
  // The operations that a call executes, given the `flops` of the definition.
  virtual uint64_t executed(uint64_t flops) const { return flops; }
  int64_t in_channels = 0, out_channels = 0, kernel = 0;
  ConvShape shape;
  DType compute = DType::kF32;  // of x and the result
  size_t bytes = 0;
  Device device;  // the only one that can compute with it
};
using PackedConvPtr = std::shared_ptr<const PackedConv>;

// weight [out, in, k, k], bias [out] or undefined, on the host; any float encoding and strides. compute: as in
// pack_linear(). With kI8 each pixel, or each transformed tile of Winograd's, is quantised with its own scale; layers
// with few channels stay in bf16.
PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                          const Packer& packer = Packer::pack());

struct ConvArgs {
  Tensor residual = {};      // shape and type of the result, to which it is added; may be undefined
  Tensor channel_bias = {};  // [N,out] f32, added to every pixel (the time embedding); may be undefined
  Activation activation = Activation::kNone;  // applied before the residual is added
  bool upsample2x = false;                    // x is first enlarged 2x by nearest neighbour
  bool f32_out = false;                       // the result and the residual are f32 for every compute type
};

// x [N,H,W,in] in w.compute -> [N,H',W',out] in w.compute, or f32 with f32_out;
// H' = (H + pad + pad_after - k) / stride + 1.
Tensor conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args = {});

}  // namespace easel::ops
