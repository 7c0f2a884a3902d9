#include <algorithm>

#include "base/round.h"
#include "ops/vulkan/backend.h"

namespace easel::ops::vulkan {

void VulkanBackend::group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                               Activation activation, Tensor& out) const {
  const Tensor scales = contiguous(weight), shifts = contiguous(bias);
  const int64_t samples = x.dim(0), channels = x.dim(-1), positions = x.numel() / (samples * channels);
  // A slice gives each thread some dozens of values; 64 are put together quickly.
  const int64_t in_slice =
      std::max(ceil_div(positions, int64_t{64}), ceil_div(int64_t{threads()} * 32, channels / groups));
  const int64_t slices = ceil_div(positions, in_slice), all = samples * groups * slices;
  const Tensor statistics({all, 2}, DType::kF32, device_);
  number(x.numel());
  const struct {
    uint64_t x, statistics;
    uint32_t groups, slices, positions, channels, slice, padding;
  } found{.x = address(x),
          .statistics = address(statistics),
          .groups = number(groups),
          .slices = number(slices),
          .positions = number(positions),
          .channels = number(channels),
          .slice = number(in_slice),
          .padding = 0};
  run(Shader::kGroupStatistics, {threads(), type_number(x.dtype())}, found, all);
  const struct {
    uint64_t x, statistics, weight, bias, result;
    uint32_t groups, slices, positions, channels, slice;
    float eps;
  } push{.x = address(x),
         .statistics = address(statistics),
         .weight = address(scales),
         .bias = address(shifts),
         .result = address(out),
         .groups = number(groups),
         .slices = number(slices),
         .positions = number(positions),
         .channels = number(channels),
         .slice = number(in_slice),
         .eps = eps};
  run(Shader::kGroupNorm,
      {threads(), type_number(x.dtype()), type_number(out.dtype()), static_cast<uint32_t>(activation)}, push, all);
}

void VulkanBackend::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps,
                               Tensor& out) const {
  const Tensor scales = weight.defined() ? contiguous(weight) : weight;
  const Tensor shifts = bias.defined() ? contiguous(bias) : bias;
  const Tensor dense = contiguous(x);
  const int64_t channels = x.dim(-1), rows = x.numel() / channels;
  number(x.numel());
  const struct {
    uint64_t x, weight, bias, result;
    uint32_t rows, channels;
    float eps;
    uint32_t padding;
  } push{.x = address(dense),
         .weight = address(scales),
         .bias = address(shifts),
         .result = address(out),
         .rows = number(rows),
         .channels = number(channels),
         .eps = eps,
         .padding = 0};
  run(Shader::kLayerNorm, {threads(), type_number(x.dtype()), type_number(out.dtype())}, push, rows);
}

}  // namespace easel::ops::vulkan
