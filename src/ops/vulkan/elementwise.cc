#include <algorithm>
#include <bit>

#include "base/round.h"
#include "ops/vulkan/walk.h"

namespace easel::ops::vulkan {

void VulkanBackend::activate(const Tensor& x, Activation activation, Tensor& out) const {
  const Tensor dense = contiguous(x);
  const struct {
    uint64_t x, result;
    uint32_t count, padding;
  } push{.x = address(dense), .result = address(out), .count = number(x.numel()), .padding = 0};
  run(Shader::kActivate, {threads(), type_number(x.dtype()), static_cast<uint32_t>(activation)}, push,
      ceil_div(x.numel(), threads()));
}

void VulkanBackend::affine(const Tensor& x, float scale, float shift, Tensor& out) const {
  evaluate(formula_of<1>([=](auto v) { return v * scale + shift; }), {&x, 1}, out);
}

void VulkanBackend::add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const {
  const std::array<Tensor, 2> both{a, b};
  if (scale == 1.0f) evaluate(formula_of<2>([](auto x, auto y) { return x + y; }), both, out);
  else evaluate(formula_of<2>([=](auto x, auto y) { return x + scale * y; }), both, out);
}

void VulkanBackend::mul(const Tensor& a, const Tensor& b, Tensor& out) const {
  const std::array<Tensor, 2> both{a, b};
  evaluate(formula_of<2>([](auto x, auto y) { return x * y; }), both, out);
}

void VulkanBackend::lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const {
  const std::array<Tensor, 2> both{a, b};
  evaluate(formula_of<2>([=](auto x, auto y) { return x + (y - x) * t; }), both, out);
}

void VulkanBackend::evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const {
  // As formula.comp declares it.
  struct {
    std::array<uint64_t, Formula::kMostInputs> inputs;
    std::array<uint32_t, Shape::kMaxRank> shape, result_stride;
    std::array<std::array<uint32_t, Shape::kMaxRank>, Formula::kMostInputs> input_stride;
    std::array<float, Formula::kMostSteps> constants;
  } call{};
  std::array<const Shape*, 1 + Formula::kMostInputs> strides{};
  strides[0] = &out.strides();
  const Shape nowhere = [&] {
    Shape zeros = out.shape();
    for (int d = 0; d < zeros.rank(); ++d) zeros[d] = 0;
    return zeros;
  }();
  uint32_t types = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool used = inputs[i].defined();
    strides[1 + i] = used ? &inputs[i].strides() : &nowhere;
    types |= (used ? type_number(inputs[i].dtype()) : 3u) << (2 * i);
    call.inputs[i] = address(inputs[i]);
  }
  const Walk<1 + Formula::kMostInputs> walk(out.shape(), strides, 1 + inputs.size());
  call.shape = walk.shape;
  call.result_stride = walk.strides[0];
  for (size_t i = 0; i < inputs.size(); ++i) call.input_stride[i] = walk.strides[1 + i];
  Constants constants({threads(), walk.rank, static_cast<uint32_t>(inputs.size()),
                       static_cast<uint32_t>(formula.result()), types, type_number(out.dtype()),
                       static_cast<uint32_t>(formula.steps().size())});
  size_t i = 0;
  for (const Formula::Step& step : formula.steps()) {
    call.constants[i++] = step.constant;
    constants.push_back(static_cast<uint32_t>(step.op) | static_cast<uint32_t>(step.a) << 8 |
                        static_cast<uint32_t>(step.b) << 16 | static_cast<uint32_t>(step.c) << 24);
  }
  const Tensor parameters = numbers(std::as_bytes(std::span(&call, 1)));
  const struct {
    uint64_t call, result;
    uint32_t count, padding;
  } push{.call = address(parameters), .result = address(out), .count = number(out.numel()), .padding = 0};
  run(Shader::kFormula, constants, push, ceil_div(out.numel(), threads()));
}

void VulkanBackend::reduce(const Tensor& x, Reduction how, Tensor& out) const {
  const auto reduced = static_cast<uint64_t>(x.dim(1));
  const uint32_t lanes = static_cast<uint32_t>(std::min<uint64_t>(threads(), std::bit_ceil(ceil_div(reduced, 4u))));
  number(x.numel());
  const struct {
    uint64_t x, result;
    uint32_t count, reduced, inner, padding;
  } push{.x = address(x),
         .result = address(out),
         .count = number(out.numel()),
         .reduced = number(x.dim(1)),
         .inner = number(x.dim(2)),
         .padding = 0};
  run(Shader::kReduce, {threads(), lanes, type_number(x.dtype()), static_cast<uint32_t>(how)}, push,
      ceil_div(out.numel(), threads() / lanes));
}

}  // namespace easel::ops::vulkan
