#include "ops/cpu/product/product.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kMaxByteDepth = 65536;  // a sum of as many products of up to 255 * 127 fits into 32 bits

// Whether there are enough channels to outweigh the cost of quantisation.
bool quantisation_pays(const StoredTensor& weight) {
  return weight.dim(1) >= 32 && weight.dim(0) >= 32 && weight.dim(1) <= kMaxByteDepth;
}

// Whether there are enough channels to outweigh the transforms, but not so many that the larger weights are not worth
// their memory: the widest layers work on the smallest maps. 8-bit weights are small enough for every layer.
bool winograd_pays(const StoredTensor& weight, DType compute) {
  const int64_t in = weight.dim(1), out = weight.dim(0);
  if (compute == DType::kI8) return true;
  return in >= 32 && out >= 32 && in * out <= 1280 * (compute == DType::kBF16 ? 640 : 1280);
}

}  // namespace

PackedLinearPtr make_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute, bool geglu,
                            const Packer& packer) {
  if (compute == DType::kI8 && weights[0].dim(1) > kMaxByteDepth) compute = DType::kBF16;
  return make_panel_linear(weights, bias, compute, geglu, packer);
}

PackedConvPtr make_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                        const Packer& packer) {
  if (compute == DType::kI8 && !quantisation_pays(weight)) return make_conv(weight, bias, shape, DType::kBF16, packer);
  const ConvMethod method = shape.method == ConvMethod::kAuto ? default_conv_method() : shape.method;
  const bool wanted = method == ConvMethod::kAuto ? winograd_pays(weight, compute) : method == ConvMethod::kWinograd;
  if (wanted && winograd_fits(weight, shape)) return make_winograd_conv(weight, bias, shape, compute, packer);
  return make_panel_conv(weight, bias, shape, compute, packer);
}

}  // namespace easel::ops::cpu
