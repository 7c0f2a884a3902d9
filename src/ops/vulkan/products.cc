// Linear layers and convolutions.
#include <algorithm>
#include <array>

#include "ops/vulkan/weights.h"

namespace easel::ops::vulkan {

// Large tiles move fewer bytes for each product, small ones leave no part of the device idle. What is chosen depends on
// the subgroup (wide ones hide latency with more threads) and on how many tiles there would be.
Tile tile_for(const GpuDescription& gpu, int64_t rows, int64_t columns, bool gated) {
  constexpr Tile kSmall{64, 4, 4, 8, 16}, kMiddle{256, 4, 4, 16, 16}, kLarge{256, 8, 8, 16, 16};
  constexpr int64_t kEnough = 128;  // tiles that keep a device busy
  if (gpu.subgroup < 16 || gpu.threads < 256) return kSmall;
  // A gated product has twice the sums of one without.
  if (!gated && kLarge.tiles(rows, columns) >= kEnough && gpu.shared_bytes >= 24576) return kLarge;
  return kMiddle.tiles(rows, columns) >= kEnough / 2 && gpu.shared_bytes >= 16384 ? kMiddle : kSmall;
}

namespace {

// Layers of few inputs gain nothing from bytes, and those whose inputs do not fill words would need padding between
// taps.
bool as_bytes(DType compute, int64_t inputs) { return compute == DType::kI8 && inputs >= 64 && inputs % 4 == 0; }

size_t packed_bytes(int64_t outputs, int64_t inputs, int64_t taps, DType compute, bool biased) {
  const auto each = static_cast<size_t>(inputs * taps), all = static_cast<size_t>(outputs);
  const size_t row = as_bytes(compute, inputs) ? each + 2 * sizeof(float) + static_cast<size_t>(taps) * sizeof(int32_t)
                                               : each * dtype_size(value_type(compute));
  return all * (row + (biased ? sizeof(float) : 0));
}

}  // namespace

bool MatrixTile::fits(const GpuDescription& gpu, bool gated) const {
  const auto strips = static_cast<uint64_t>(height() + (gated ? 2 : 1) * width());
  const uint64_t shared =
      2 * strips * (kSteps * matrix.k + 8) + sizeof(float) * kSubgroups * matrix.m * matrix.n + sizeof(uint32_t);
  return shared <= gpu.shared_bytes && kSubgroups * gpu.subgroup <= gpu.threads;
}

VulkanBackend::Product VulkanBackend::product(const ProductCall& call) const {
  const GpuDescription& gpu = gpu_.about();
  const auto number_of = [](bool yes) { return yes ? 1u : 0u; };
  const MatrixTile tile(gpu, call.gated);
  if (call.input == DType::kBF16 && call.weight == DType::kBF16 && call.rows >= gpu.matrix.m &&
      tile.fits(gpu, call.gated) && matrices_work(Matrices::kProducts)) {
    return {
        call.taps > 0 ? Shader::kConvMatrices : Shader::kLinearMatrices,
        {tile.kSubgroups * gpu.subgroup, gpu.subgroup, gpu.matrix.m, gpu.matrix.n, gpu.matrix.k, tile.kDown, tile.kRows,
         tile.columns, tile.kSteps, type_number(call.input), type_number(call.weight), type_number(call.result),
         static_cast<uint32_t>(call.activation), number_of(call.gated), number(std::max<int64_t>(call.taps, 1))},
        ceil_div(call.rows, tile.height()) * ceil_div(call.columns, tile.width())};
  }
  const Tile plain = tile_for(gpu, call.rows, call.columns, call.gated);
  return {call.taps > 0 ? Shader::kConv : Shader::kLinear,
          {plain.threads, plain.rows, plain.columns, plain.across, plain.depth, type_number(call.input),
           type_number(call.weight), type_number(call.result), static_cast<uint32_t>(call.activation),
           number_of(call.gated), number(std::max<int64_t>(call.taps, 1))},
          plain.tiles(call.rows, call.columns)};
}

Tensor VulkanBackend::taken(const StoredTensor& stored, DType type) const {
  const Tensor* plain = stored.plain();
  const bool as_stored =
      plain && plain->contiguous() &&
      (plain->dtype() == DType::kF32 || plain->dtype() == DType::kF16 || plain->dtype() == DType::kBF16);
  if (as_stored) return easel::convert(plain->to(device_), type);
  return easel::convert(stored.tensor(), type).to(device_);
}

PackedLinearPtr VulkanBackend::pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias,
                                           DType compute, bool geglu, const Packer& packer) const {
  auto w = std::make_shared<LinearWeights>();
  w->device = device_;
  w->in_features = weights[0].dim(1);
  for (const StoredTensor& part : weights) w->out_features += part.dim(0);
  w->compute = value_type(compute);
  w->geglu = geglu;
  const bool quantises = as_bytes(compute, w->in_features);
  const DType type = quantises ? DType::kF32 : w->compute;
  w->bytes = packed_bytes(w->out_features, w->in_features, 1, compute, bias.defined());
  if (packer.measures()) return w;
  if (weights.size() == 1) {
    w->weight = taken(weights[0], type);
  } else {
    w->weight = Tensor({w->out_features, w->in_features}, type, device_);
    int64_t row = 0;
    for (const StoredTensor& part : weights) {
      move(taken(part, type), w->weight.slice(0, row, part.dim(0)));
      row += part.dim(0);
    }
  }
  if (bias.defined()) w->bias = taken(bias, DType::kF32);
  if (quantises) {
    w->quantised = quantised_weights(w->weight, 1);
    w->weight = {};
  }
  return w;
}

void VulkanBackend::linear(const Tensor& x, const PackedLinear& packed, const LinearArgs& args, Tensor& out) const {
  const auto& w = static_cast<const LinearWeights&>(packed);
  if (w.quantised.words.defined()) return multiply_bytes(x, w, args, out);
  const int64_t rows = x.dim(0), columns = out.dim(-1);
  number(x.dim(0) * x.stride(0));
  number(out.numel());
  const Product chosen = product({.input = x.dtype(),
                                  .weight = w.weight.dtype(),
                                  .result = out.dtype(),
                                  .activation = args.activation,
                                  .gated = w.geglu,
                                  .taps = 0,
                                  .rows = rows,
                                  .columns = columns});
  const struct {
    uint64_t x, weight, bias, residual, result;
    uint32_t rows, columns, depth;
    float scale;
    uint32_t stride, padding;
  } push{.x = address(x),
         .weight = address(w.weight),
         .bias = address(w.bias),
         .residual = address(args.residual),
         .result = address(out),
         .rows = number(rows),
         .columns = number(columns),
         .depth = number(w.in_features),
         .scale = args.scale,
         .stride = number(x.stride(0)),
         .padding = 0};
  run(chosen.shader, chosen.constants, push, chosen.groups);
}

PackedConvPtr VulkanBackend::pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                                         DType compute, const Packer& packer) const {
  auto w = std::make_shared<ConvWeights>();
  w->device = device_;
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = value_type(compute);
  const bool quantises = as_bytes(compute, w->in_channels);
  const DType type = quantises ? DType::kF32 : w->compute;
  w->bytes = packed_bytes(w->out_channels, w->in_channels, w->kernel * w->kernel, compute, bias.defined());
  if (packer.measures()) return w;
  w->weight = easel::convert(taken(weight, type).permute({0, 2, 3, 1}), type);
  if (bias.defined()) w->bias = taken(bias, DType::kF32);
  if (quantises) {
    w->quantised = quantised_weights(w->weight.view({w->out_channels, -1}), w->kernel * w->kernel);
    w->weight = {};
  }
  return w;
}

void VulkanBackend::conv2d(const Tensor& input, const PackedConv& packed, const ConvArgs& args, Tensor& out) const {
  const auto& w = static_cast<const ConvWeights&>(packed);
  if (w.quantised.words.defined()) return convolve_bytes(input, w, args, out);
  const Tensor x = input.dim(3) == 1 || input.stride(3) == 1 ? input : contiguous(input);
  const int64_t rows = out.dim(0) * out.dim(1) * out.dim(2), columns = w.out_channels;
  const int32_t up = args.upsample2x ? 2 : 1;
  number(x.dim(0) * x.stride(0));
  number(out.numel());
  const Product chosen = product({.input = x.dtype(),
                                  .weight = w.weight.dtype(),
                                  .result = out.dtype(),
                                  .activation = args.activation,
                                  .gated = false,
                                  .taps = w.kernel * w.kernel,
                                  .rows = rows,
                                  .columns = columns});
  const struct {
    uint64_t x, weight, bias, residual, result, channel_bias;
    uint32_t rows, columns, depth;
    float scale;
    uint32_t stride_n, stride_y, stride_x;
    int32_t height, width;
    uint32_t out_height, out_width, kernel, step;
    int32_t pad;
    uint32_t enlarge, padding;
  } push{.x = address(x),
         .weight = address(w.weight),
         .bias = address(w.bias),
         .residual = address(args.residual),
         .result = address(out),
         .channel_bias = address(args.channel_bias),
         .rows = number(rows),
         .columns = number(columns),
         .depth = number(w.in_channels),
         .scale = 1.0f,
         .stride_n = number(x.stride(0)),
         .stride_y = number(x.stride(1)),
         .stride_x = number(x.stride(2)),
         .height = static_cast<int32_t>(number(x.dim(1) * up)),
         .width = static_cast<int32_t>(number(x.dim(2) * up)),
         .out_height = number(out.dim(1)),
         .out_width = number(out.dim(2)),
         .kernel = number(w.kernel),
         .step = number(w.shape.stride),
         .pad = static_cast<int32_t>(number(w.shape.pad)),
         .enlarge = static_cast<uint32_t>(up),
         .padding = 0};
  run(chosen.shader, chosen.constants, push, chosen.groups);
}

}  // namespace easel::ops::vulkan
