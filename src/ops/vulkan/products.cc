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

// Rows or columns of a kernel of 3, over an enlarged map, as those of two kernels of 2 over the small one: under the
// even row of a result lie the small map's rows before, at and at it, under the odd one those at, at and after it.
const Taps kFold{2, {0, 0, 1, 2, 0, 1, 2, 2}, {1, 0, 1, 1, 1, 1, 1, 0}};
const Taps kUnfold{2, {0, 0, 1, 3, 3, 3}, {1, 0, 1, -1, 1, 0}};

size_t packed_bytes(int64_t outputs, int64_t inputs, int64_t taps, DType compute, bool biased) {
  const auto each = static_cast<size_t>(inputs * taps), all = static_cast<size_t>(outputs);
  const size_t row = as_bytes(compute, inputs) ? each + 2 * sizeof(float) + static_cast<size_t>(taps) * sizeof(int32_t)
                                               : each * dtype_size(value_type(compute));
  return all * (row + (biased ? sizeof(float) : 0));
}

}  // namespace

bool MatrixTile::fits(const GpuDescription& gpu) const {
  if (matrix.m == 0 || kSubgroups * gpu.subgroup > gpu.threads) return false;
  const auto strips = static_cast<uint64_t>(height() + (gated ? 2 : 1) * width());
  const uint64_t results = sizeof(float) * kSubgroups * matrix.m * matrix.n;
  return strips * (element_bytes * steps * matrix.k + 16) + results + 5 * sizeof(uint32_t) <= gpu.shared_bytes;
}

VulkanBackend::Product VulkanBackend::product_on(const MatrixTile& tile, Shader shader, const ProductCall& call) const {
  const uint32_t subgroup = gpu_.about().subgroup;
  return {shader,
          {MatrixTile::kSubgroups * subgroup, subgroup, tile.matrix.m, tile.matrix.n, tile.matrix.k, MatrixTile::kDown,
           MatrixTile::kRows, tile.columns, tile.steps, type_number(call.result),
           static_cast<uint32_t>(call.activation), call.gated ? 1u : 0u, number(std::max<int64_t>(call.taps, 1))},
          tile.tiles(call.rows, call.columns)};
}

VulkanBackend::Product VulkanBackend::product(const ProductCall& call) const {
  const GpuDescription& gpu = gpu_.about();
  if (call.input == DType::kBF16 && call.weight == DType::kBF16)
    for (const Matrices which : {Matrices::kBf16Products, Matrices::kProducts}) {
      const bool bf16 = which == Matrices::kBf16Products, window = call.taps > 0;
      const MatrixTile tile = MatrixTile::of_floats(bf16 ? gpu.bf16_matrix : gpu.matrix, call.gated);
      if (call.rows < tile.matrix.m || !tile.fits(gpu) || !matrices_work(which)) continue;
      Product chosen = product_on(tile,
                                  bf16 ? (window ? Shader::kConvMatricesBf16 : Shader::kLinearMatricesBf16)
                                       : (window ? Shader::kConvMatrices : Shader::kLinearMatrices),
                                  call);
      chosen.constants.push_back(type_number(call.input));
      chosen.constants.push_back(type_number(call.weight));
      return chosen;
    }
  const Tile plain = tile_for(gpu, call.rows, call.columns, call.gated);
  return {call.taps > 0 ? Shader::kConv : Shader::kLinear,
          {plain.threads, plain.rows, plain.columns, plain.across, plain.depth, type_number(call.input),
           type_number(call.weight), type_number(call.result), static_cast<uint32_t>(call.activation),
           call.gated ? 1u : 0u, number(std::max<int64_t>(call.taps, 1))},
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
  // Bytes are not folded: there would be no telling the kernel from them.
  w->folded = shape.upsample2x && w->kernel == 3 && shape.stride == 1 && shape.pad == 1 && w->shape.pad_after == 1 &&
              !quantises;
  const DType type = quantises ? DType::kF32 : w->compute;
  const int64_t taps = w->folded ? 16 : w->kernel * w->kernel;
  w->bytes = packed_bytes(w->out_channels, w->in_channels, taps, compute, bias.defined());
  if (packer.measures()) return w;
  if (w->folded) w->weight = folded(taken(weight, DType::kF32), type);
  else w->weight = easel::convert(taken(weight, type).permute({0, 2, 3, 1}), type);
  if (bias.defined()) w->bias = taken(bias, DType::kF32);
  if (quantises) {
    w->quantised = quantised_weights(w->weight.view({w->out_channels, -1}), w->kernel * w->kernel);
    w->weight = {};
  }
  return w;
}

// weight: f32 [out, in, 3, 3], any strides.
Tensor VulkanBackend::folded(const Tensor& weight, DType type) const {
  constexpr int64_t kAtOnce = 128;
  const int64_t outputs = weight.dim(0), inputs = weight.dim(1);
  const Tensor out({4, outputs, 2, 2, inputs}, type, device_);
  for (int64_t first = 0; first < outputs; first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, outputs - first);
    Tensor sums({count, 4, 4, inputs}, DType::kF32, device_);
    resample(weight.slice(0, first, count).permute({0, 2, 3, 1}), kFold, kFold, sums);
    move(sums.view({count, 2, 2, 2, 2, inputs}).permute({1, 3, 0, 2, 4, 5}),
         out.view({2, 2, outputs, 2, 2, inputs}).slice(2, first, count));
  }
  return out;
}

// An outer row of the kernel is one of a folded one, and the middle row the difference between a sum and an outer row.
const ConvWeights& VulkanBackend::unfolded(const ConvWeights& w) const {
  std::call_once(w.unfolding, [&] {
    const int64_t outputs = w.out_channels, inputs = w.in_channels;
    const Tensor sums =
        easel::convert(w.weight.view({2, 2, outputs, 2, 2, inputs}).permute({2, 0, 3, 1, 4, 5}), DType::kF32);
    Tensor weight({outputs, 3, 3, inputs}, DType::kF32, device_);
    resample(sums.view({outputs, 4, 4, inputs}), kUnfold, kUnfold, weight);
    auto plain = std::make_shared<ConvWeights>();
    static_cast<PackedConv&>(*plain) = w;
    plain->shape.upsample2x = false;
    plain->weight = easel::convert(weight, w.compute);
    plain->bias = w.bias;
    w.unfolded = std::move(plain);
  });
  return *w.unfolded;
}

void VulkanBackend::conv2d(const Tensor& input, const PackedConv& packed, const ConvArgs& args, Tensor& out) const {
  const auto& w = static_cast<const ConvWeights&>(packed);
  if (w.quantised.words.defined()) return convolve_bytes(input, w, args, out);
  if (w.folded && !args.upsample2x) return conv2d(input, unfolded(w), args, out);
  const Tensor x = input.dim(3) == 1 || input.stride(3) == 1 ? input : contiguous(input);
  const int64_t kernel = w.folded ? 2 : w.kernel, down = w.folded ? 2 : 1;
  const int64_t height = out.dim(1) / down, width = out.dim(2) / down;
  const int64_t rows = out.dim(0) * height * width, columns = w.out_channels;
  const int32_t up = args.upsample2x && !w.folded ? 2 : 1;
  number(x.dim(0) * x.stride(0));
  number(out.numel());
  const Product chosen = product({.input = x.dtype(),
                                  .weight = w.weight.dtype(),
                                  .result = out.dtype(),
                                  .activation = args.activation,
                                  .gated = false,
                                  .taps = kernel * kernel,
                                  .rows = rows,
                                  .columns = columns});
  struct {
    uint64_t x, weight, bias, residual, result, channel_bias;
    uint32_t rows, columns, depth;
    float scale;
    uint32_t stride_n, stride_y, stride_x;
    int32_t height, width;
    uint32_t out_height, out_width, kernel, step;
    int32_t pad;
    uint32_t enlarge, fold;
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
         .out_height = number(height),
         .out_width = number(width),
         .kernel = number(kernel),
         .step = number(w.shape.stride),
         .pad = static_cast<int32_t>(number(w.shape.pad)),
         .enlarge = static_cast<uint32_t>(up),
         .fold = 0};
  if (!w.folded) return run(chosen.shader, chosen.constants, push, chosen.groups);
  for (uint32_t i = 0; i < 4; ++i) {
    push.weight = address(w.weight.select(0, i));
    push.fold = 4 + i;
    run(chosen.shader, chosen.constants, push, chosen.groups);
  }
}

}  // namespace easel::ops::vulkan
