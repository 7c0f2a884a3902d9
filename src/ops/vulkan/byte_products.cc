// Products of bytes: weights are quantised when they are packed, inputs when they are multiplied.
#include "ops/vulkan/weights.h"

namespace easel::ops::vulkan {
namespace {

// As quantise.comp declares it.
struct Quantise {
  uint64_t x, words, scales;
  uint32_t rows, depth, stride, count, part, padding;
};

}  // namespace

VulkanBackend::Product VulkanBackend::byte_product(const ProductCall& call) const {
  const GpuDescription& gpu = gpu_.about();
  const bool window = call.taps > 0;
  const uint32_t result = type_number(call.result), activation = static_cast<uint32_t>(call.activation),
                 gated = call.gated ? 1 : 0, taps = number(std::max<int64_t>(call.taps, 1));
  const MatrixTile matrices = MatrixTile::of_bytes(gpu.byte_matrix, call.gated);
  if (call.rows >= gpu.byte_matrix.m && matrices.fits(gpu) && matrices_work(Matrices::kBytes))
    return product_on(matrices, window ? Shader::kConvByteMatrices : Shader::kLinearByteMatrices, call);
  const Tile tile = tile_for(gpu, call.rows, call.columns, call.gated);
  const Shader shader = gpu.dot_products ? (window ? Shader::kConvDots : Shader::kLinearDots)
                                         : (window ? Shader::kConvBytes : Shader::kLinearBytes);
  return {shader,
          {tile.threads, tile.rows, tile.columns, tile.across, tile.depth, result, activation, gated, taps},
          tile.tiles(call.rows, call.columns)};
}

VulkanBackend::Quantised VulkanBackend::quantised(const Tensor& x) const {
  const int64_t rows = x.dim(0), depth = x.dim(1);
  Quantised out{Tensor({rows, ceil_div(depth, 4)}, DType::kI32, device_), Tensor({rows, 2}, DType::kF32, device_), {}};
  const Quantise push{.x = address(x),
                      .words = address(out.words),
                      .scales = address(out.scales),
                      .rows = number(rows),
                      .depth = number(depth),
                      .stride = number(x.stride(0)),
                      .count = 0,
                      .part = 0,
                      .padding = 0};
  run(Shader::kQuantise, {64, type_number(x.dtype()), 0, 0}, push, rows);
  return out;
}

VulkanBackend::Quantised VulkanBackend::quantised_weights(const Tensor& weights, int64_t taps) const {
  const int64_t rows = weights.dim(0), depth = weights.dim(1), words = ceil_div(depth, 4);
  Quantised out{Tensor({rows, words}, DType::kI32, device_), Tensor({rows, 2}, DType::kF32, device_),
                Tensor({rows, taps}, DType::kI32, device_)};
  const Quantise push{.x = address(weights),
                      .words = address(out.words),
                      .scales = address(out.scales),
                      .rows = number(rows),
                      .depth = number(depth),
                      .stride = number(depth),
                      .count = 0,
                      .part = 0,
                      .padding = 0};
  run(Shader::kQuantise, {64, type_number(weights.dtype()), 1, 0}, push, rows);
  const Quantise sums{.x = 0,
                      .words = address(out.words),
                      .scales = address(out.sums),
                      .rows = 0,
                      .depth = 0,
                      .stride = 0,
                      .count = number(rows * taps),
                      .part = number(words / taps),
                      .padding = 0};
  run(Shader::kQuantise, {64, 0, 1, 1}, sums, ceil_div(rows * taps, 64));
  return out;
}

void VulkanBackend::multiply_bytes(const Tensor& x, const LinearWeights& w, const LinearArgs& args, Tensor& out) const {
  const int64_t rows = x.dim(0), columns = out.dim(-1);
  number(out.numel());
  const Quantised bytes = quantised(x);
  const Product chosen = byte_product({.input = DType::kI8,
                                       .weight = DType::kI8,
                                       .result = out.dtype(),
                                       .activation = args.activation,
                                       .gated = w.geglu,
                                       .taps = 0,
                                       .rows = rows,
                                       .columns = columns});
  const struct {
    uint64_t x, scales, weight, weight_scales, weight_sums, bias, residual, result;
    uint32_t rows, columns, depth;
    float scale;
  } push{.x = address(bytes.words),
         .scales = address(bytes.scales),
         .weight = address(w.quantised.words),
         .weight_scales = address(w.quantised.scales),
         .weight_sums = address(w.quantised.sums),
         .bias = address(w.bias),
         .residual = address(args.residual),
         .result = address(out),
         .rows = number(rows),
         .columns = number(columns),
         .depth = number(bytes.words.dim(1)),
         .scale = args.scale};
  run(chosen.shader, chosen.constants, push, chosen.groups);
}

void VulkanBackend::convolve_bytes(const Tensor& x, const ConvWeights& w, const ConvArgs& args, Tensor& out) const {
  const int64_t rows = out.dim(0) * out.dim(1) * out.dim(2), columns = w.out_channels;
  const int64_t up = args.upsample2x ? 2 : 1;
  number(out.numel());
  const Quantised bytes = quantised(contiguous(x).view({-1, x.dim(3)}));
  const Product chosen = byte_product({.input = DType::kI8,
                                       .weight = DType::kI8,
                                       .result = out.dtype(),
                                       .activation = args.activation,
                                       .gated = false,
                                       .taps = w.kernel * w.kernel,
                                       .rows = rows,
                                       .columns = columns});
  const struct {
    uint64_t x, scales, weight, weight_scales, weight_sums, bias, residual, result, channel_bias;
    uint32_t rows, columns, depth;
    float scale;
    int32_t height, width;
    uint32_t out_height, out_width, kernel, step;
    int32_t pad;
    uint32_t enlarge, fold, padding;
  } push{.x = address(bytes.words),
         .scales = address(bytes.scales),
         .weight = address(w.quantised.words),
         .weight_scales = address(w.quantised.scales),
         .weight_sums = address(w.quantised.sums),
         .bias = address(w.bias),
         .residual = address(args.residual),
         .result = address(out),
         .channel_bias = address(args.channel_bias),
         .rows = number(rows),
         .columns = number(columns),
         .depth = number(bytes.words.dim(1)),
         .scale = 1.0f,
         .height = static_cast<int32_t>(number(x.dim(1) * up)),
         .width = static_cast<int32_t>(number(x.dim(2) * up)),
         .out_height = number(out.dim(1)),
         .out_width = number(out.dim(2)),
         .kernel = number(w.kernel),
         .step = number(w.shape.stride),
         .pad = static_cast<int32_t>(number(w.shape.pad)),
         .enlarge = static_cast<uint32_t>(up),
         .fold = 0,
         .padding = 0};
  run(chosen.shader, chosen.constants, push, chosen.groups);
}

}  // namespace easel::ops::vulkan
