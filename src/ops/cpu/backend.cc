// The backend of the processor; the other files of this folder implement it.
#include "ops/backends.h"
#include "ops/cpu/attention.h"
#include "ops/cpu/elementwise.h"
#include "ops/cpu/formula.h"
#include "ops/cpu/isa.h"
#include "ops/cpu/maps.h"
#include "ops/cpu/movement.h"
#include "ops/cpu/norm.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/product/product.h"
#include "tensor/host_memory.h"

namespace easel::ops::cpu {
namespace {

class CpuBackend final : public Backend {
 public:
  DeviceMemory& memory() const override { return host_memory(); }
  DType native_type() const override { return multiplies_bf16(isa()) ? DType::kBF16 : DType::kF32; }

  PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                              bool geglu, const Packer& packer) const override {
    return make_linear(weights, bias, compute, geglu, packer);
  }
  PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                            const Packer& packer) const override {
    return make_conv(weight, bias, shape, compute, packer);
  }
  std::string_view packed_layout() const override { return isa_name(isa()); }
  uint64_t packed_layout_fingerprint() const override { return layout_fingerprint(); }
  void linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args, Tensor& out) const override {
    const void* residual = args.residual.defined() ? args.residual.raw() : nullptr;
    static_cast<const CpuLinear&>(w).run({.x = x.raw(),
                                          .rows = x.dim(0),
                                          .row_stride = x.stride(0),
                                          .out = out.raw(),
                                          .activation = args.activation,
                                          .scale = args.scale,
                                          .type = out.dtype(),
                                          .residual = residual});
  }
  void conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args, Tensor& out) const override {
    const bool dense_channels = x.dim(3) == 1 || x.stride(3) == 1;
    ConvolutionArgs call{.x = dense_channels ? x : contiguous(x),
                         .out = out,
                         .activation = args.activation,
                         .upsample2x = args.upsample2x};
    if (args.residual.defined()) call.residual = args.residual.raw();
    if (args.channel_bias.defined()) call.channel_bias = args.channel_bias.f32();
    static_cast<const CpuConv&>(w).run(call);
  }

  void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                 Tensor& out) const override {
    cpu::attention(q, k, v, heads, args, out);
  }
  void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out) const override {
    cpu::attention_received(q, k, heads, scale, out);
  }

  void group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation, Tensor& out) const override {
    cpu::group_norm(x, weight.f32(), bias.f32(), groups, eps, activation == Activation::kSilu, out);
  }
  void layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& out) const override {
    const auto values = [](const Tensor& t) { return t.defined() ? t.f32() : nullptr; };
    cpu::layer_norm(x, values(weight), values(bias), eps, out);
  }

  void activate(const Tensor& x, Activation activation, Tensor& out) const override {
    cpu::activate(x, activation, out);
  }
  void affine(const Tensor& x, float scale, float shift, Tensor& out) const override {
    cpu::affine(x, scale, shift, out);
  }
  void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const override { cpu::add(a, b, scale, out); }
  void mul(const Tensor& a, const Tensor& b, Tensor& out) const override { cpu::mul(a, b, out); }
  void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const override { cpu::lerp(a, b, t, out); }
  void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const override {
    cpu::evaluate(formula, inputs, out);
  }
  void reduce(const Tensor& x, Reduction how, Tensor& out) const override { cpu::reduce(x, how, out); }
  void scale_low_frequencies(const Tensor& x, float by, Tensor& out) const override {
    cpu::scale_low_frequencies(x, by, out);
  }

  void concat(std::span<const Tensor> parts, int dim, Tensor& out) const override { cpu::concat(parts, dim, out); }
  void repeat(const Tensor& x, int64_t times, Tensor& out) const override { cpu::repeat(x, times, out); }
  void upsample_nearest2x(const Tensor& x, Tensor& out) const override { cpu::upsample_nearest2x(x, out); }
  void avg_pool2x(const Tensor& x, Tensor& out) const override { cpu::avg_pool2x(x, out); }
  void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const override { cpu::pixel_unshuffle(x, r, out); }
  void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const override { cpu::pixel_shuffle(x, r, out); }
  void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const override {
    cpu::resample(x, rows, columns, out);
  }
  void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const override {
    cpu::embedding(table, ids, out);
  }
  void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const override {
    cpu::timestep_embedding(t, max_period, out);
  }

  uint64_t register_products(DType type) const override { return cpu::register_products(type); }
};

}  // namespace

const Backend& backend() {
  static const CpuBackend backend;
  return backend;
}

}  // namespace easel::ops::cpu
