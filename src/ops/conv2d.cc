#include "ops/conv2d.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {
namespace {

std::atomic<ConvMethod>& method() {
  static std::atomic<ConvMethod> value = [] {
    const char* name = std::getenv("EASEL_CONV");
    const std::string_view wanted = name ? name : "";
    return wanted == "direct" ? ConvMethod::kDirect : wanted == "winograd" ? ConvMethod::kWinograd : ConvMethod::kAuto;
  }();
  return value;
}

}  // namespace

void set_default_conv_method(ConvMethod m) { method().store(m, std::memory_order_relaxed); }
ConvMethod default_conv_method() { return method().load(std::memory_order_relaxed); }

PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                          const Packer& packer) {
  if (!weight.defined() || weight.rank() != 4 || weight.dim(2) != weight.dim(3) || !weight.is_float())
    reject("pack_conv2d", "weight " + weight.str());
  if (bias.defined() && (bias.rank() != 1 || bias.dim(0) != weight.dim(0)))
    reject("pack_conv2d", "bias " + bias.str() + " for weight " + weight.str());
  if (compute != DType::kF32 && compute != DType::kBF16 && compute != DType::kI8) reject("pack_conv2d", "compute type");
  if (shape.stride < 1 || shape.pad < 0) reject("pack_conv2d", "stride or padding");
  PackedConvPtr packed = backend(packer.device()).pack_conv2d(weight, bias, shape, compute, packer);
  drop_packed_pages({&weight, 1}, bias, packer);
  return packed;
}

Tensor conv2d(const Tensor& input, const PackedConv& w, const ConvArgs& args) {
  check_float("conv2d", input);
  if (input.rank() != 4 || input.dim(3) != w.in_channels || input.dtype() != w.compute)
    reject("conv2d", "input " + input.str() + " for " + std::to_string(w.in_channels) + " channels");
  if (w.device != input.device()) reject("conv2d", "input " + input.str() + " on another device than its weights");
  const int64_t up = args.upsample2x ? 2 : 1, n = input.dim(0), h = up * input.dim(1), width = up * input.dim(2);
  const int64_t pads = w.shape.pad + w.shape.pad_after;
  if (h + pads < w.kernel || width + pads < w.kernel)
    reject("conv2d", "input " + input.str() + " smaller than the kernel");
  const Shape shape{n, (h + pads - w.kernel) / w.shape.stride + 1, (width + pads - w.kernel) / w.shape.stride + 1,
                    w.out_channels};
  const DType type = args.f32_out ? DType::kF32 : w.compute;
  ConvArgs call = args;
  if (call.residual.defined()) {
    if (!(call.residual.shape() == shape) || call.residual.dtype() != type)
      reject("conv2d", "residual " + call.residual.str() + " beside output " + shape.str());
    call.residual = contiguous(call.residual);
  }
  if (call.channel_bias.defined()) {
    if (!(call.channel_bias.shape() == Shape{n, w.out_channels}) || call.channel_bias.dtype() != DType::kF32)
      reject("conv2d", "channel bias " + call.channel_bias.str() + " beside output " + shape.str());
    call.channel_bias = contiguous(call.channel_bias);
  }
  const Backend& backend = backend_of("conv2d", input, call.residual, call.channel_bias);
  Tensor out(shape, type, input.device());
  if (out.numel() == 0) return out;
  CountOp count(OpKind::kConv);
  if (count.on()) {
    const uint64_t flops = 2 * static_cast<uint64_t>(out.numel() * w.in_channels * w.kernel * w.kernel);
    count.add(flops, w.executed(flops),
              input.nbytes() + w.bytes + out.nbytes() + (call.residual.defined() ? out.nbytes() : 0));
  }
  backend.conv2d(input, w, call, out);
  return out;
}

}  // namespace easel::ops
