#include "ops/cpu/dnnl.h"

#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace easel::ops::cpu {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

dnnl::stream& stream() {
  thread_local dnnl::stream s(engine());
  return s;
}

memory::data_type type_of(DType t) { return t == DType::kBF16 ? memory::data_type::bf16 : memory::data_type::f32; }

void append_activation(dnnl::post_ops& ops, Activation a) {
  switch (a) {
    case Activation::kNone: return;
    case Activation::kSilu: return ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.0f, 0.0f);
    case Activation::kQuickGelu: return ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.702f, 0.0f);
    case Activation::kGelu: return ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
    case Activation::kRelu: return ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  }
}

struct Key {
  int kind;  // 0 matmul, 1 convolution
  DType type;
  Activation activation;
  bool residual, bias;
  float scale;
  int64_t dims[10];
  DType out;
  bool operator<(const Key& o) const {
    const auto tie = [](const Key& k) {
      return std::tie(k.kind, k.type, k.activation, k.residual, k.bias, k.scale, k.out);
    };
    if (tie(*this) != tie(o)) return tie(*this) < tie(o);
    return std::lexicographical_compare(dims, dims + 10, o.dims, o.dims + 10);
  }
};

struct Plan {
  dnnl::primitive primitive;
  memory::desc src, weights, bias, dst, scratch;
};

std::mutex g_plans_mutex;
std::map<Key, std::shared_ptr<const Plan>>& plans() {
  static auto* all = new std::map<Key, std::shared_ptr<const Plan>>;
  return *all;
}

dnnl::primitive_attr attributes(const Key& key, const memory::desc& dst) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops ops;
  append_activation(ops, key.activation);
  if (key.scale != 1.0f) ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, key.scale, 0.0f);
  if (key.residual) ops.append_binary(dnnl::algorithm::binary_add, dst);
  attr.set_post_ops(ops);
  return attr;
}

std::shared_ptr<const Plan> matmul_plan(const Key& key) {
  const int64_t m = key.dims[0], k = key.dims[1], n = key.dims[2], lead = key.dims[3];
  const auto type = type_of(key.type);
  const memory::desc src({m, k}, type, memory::dims{lead, 1}), weights({k, n}, type, memory::format_tag::any);
  const memory::desc dst({m, n}, type_of(key.out), memory::format_tag::ab);
  const memory::desc bias =
      key.bias ? memory::desc({1, n}, memory::data_type::f32, memory::format_tag::ab) : memory::desc();
  const dnnl::matmul::desc d =
      key.bias ? dnnl::matmul::desc(src, weights, bias, dst) : dnnl::matmul::desc(src, weights, dst);
  const dnnl::matmul::primitive_desc pd(d, attributes(key, dst), engine());
  return std::make_shared<Plan>(Plan{dnnl::matmul(pd), src, pd.weights_desc(), bias, dst, pd.scratchpad_desc()});
}

std::shared_ptr<const Plan> conv_plan(const Key& key) {
  const int64_t* d = key.dims;  // n h w in out k stride pad pad_after
  const auto type = type_of(key.type);
  const int64_t oh = (d[1] + d[7] + d[8] - d[5]) / d[6] + 1, ow = (d[2] + d[7] + d[8] - d[5]) / d[6] + 1;
  const memory::desc src({d[0], d[3], d[1], d[2]}, type, memory::format_tag::nhwc);
  const memory::desc weights({d[4], d[3], d[5], d[5]}, type, memory::format_tag::any);
  const memory::desc dst({d[0], d[4], oh, ow}, type_of(key.out), memory::format_tag::nhwc);
  const memory::desc bias =
      key.bias ? memory::desc({d[4]}, memory::data_type::f32, memory::format_tag::a) : memory::desc();
  const memory::dims strides{d[6], d[6]}, before{d[7], d[7]}, after{d[8], d[8]};
  using Conv = dnnl::convolution_forward;
  const auto prop = dnnl::prop_kind::forward_inference;
  const auto algo = dnnl::algorithm::convolution_direct;
  const Conv::desc desc = key.bias ? Conv::desc(prop, algo, src, weights, bias, dst, strides, before, after)
                                   : Conv::desc(prop, algo, src, weights, dst, strides, before, after);
  const Conv::primitive_desc pd(desc, attributes(key, dst), engine());
  return std::make_shared<Plan>(Plan{Conv(pd), src, pd.weights_desc(), bias, dst, pd.scratchpad_desc()});
}

std::shared_ptr<const Plan> plan(const Key& key) {
  std::lock_guard lock(g_plans_mutex);
  auto& slot = plans()[key];
  if (!slot) slot = key.kind == 0 ? matmul_plan(key) : conv_plan(key);
  return slot;
}

// Weights in the layout of one plan, and in others on demand.
class Packed {
 public:
  Packed(const memory::desc& plain, const Tensor& values, const memory::desc& wanted) {
    main_ = reorder(memory(plain, engine(), const_cast<void*>(values.raw())), wanted);
  }
  memory in(const memory::desc& wanted) const {
    if (main_.get_desc() == wanted) return main_;
    std::lock_guard lock(mutex_);
    for (const memory& m : others_)
      if (m.get_desc() == wanted) return m;
    others_.push_back(reorder(main_, wanted));
    return others_.back();
  }
  size_t bytes() const { return main_.get_desc().get_size(); }

 private:
  static memory reorder(memory from, const memory::desc& wanted) {
    memory to(wanted, engine());
    dnnl::reorder(from, to).execute(stream(), from, to);
    stream().wait();
    return to;
  }
  memory main_;
  mutable std::mutex mutex_;
  mutable std::vector<memory> others_;
};

struct DnnlLinear final : PackedLinear {
  std::unique_ptr<Packed> weights;
  Tensor bias_values;
};

struct DnnlConv final : PackedConv {
  std::unique_ptr<Packed> weights;
  Tensor bias_values;
};

void execute(const Plan& p, const memory& weights, const void* src, const float* bias, void* dst, const void* residual,
             bool with_scale, bool with_activation) {
  const auto wrap = [](const memory::desc& d, const void* at) { return memory(d, engine(), const_cast<void*>(at)); };
  const Tensor scratch({static_cast<int64_t>(p.scratch.get_size())}, DType::kU8);
  std::unordered_map<int, memory> args{{DNNL_ARG_SRC, wrap(p.src, src)},
                                       {DNNL_ARG_WEIGHTS, weights},
                                       {DNNL_ARG_DST, wrap(p.dst, dst)},
                                       {DNNL_ARG_SCRATCHPAD, wrap(p.scratch, scratch.raw())}};
  if (bias) args.emplace(DNNL_ARG_BIAS, wrap(p.bias, bias));
  const int index = (with_activation ? 1 : 0) + (with_scale ? 1 : 0);
  if (residual) args.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1, wrap(p.dst, residual));
  p.primitive.execute(stream(), args);
  stream().wait();
}

Key linear_key(const PackedLinear& w, int64_t rows, int64_t lead, bool bias) {
  return {0, w.compute, Activation::kNone, false, bias, 1.0f, {rows, w.in_features, w.out_features, lead}, w.compute};
}

}  // namespace

PackedLinearPtr dnnl_pack_linear(const Tensor& weight, const Tensor& bias, DType compute, bool geglu) {
  auto w = std::make_shared<DnnlLinear>();
  w->in_features = weight.dim(1);
  w->out_features = weight.dim(0);
  w->compute = compute;
  w->geglu = geglu;
  if (bias.defined()) w->bias_values = clone(convert(bias, DType::kF32));
  const auto p = plan(linear_key(*w, 1024, w->in_features, bias.defined()));
  const memory::desc plain({w->in_features, w->out_features}, type_of(compute), memory::format_tag::ba);
  w->weights = std::make_unique<Packed>(plain, convert(weight, compute), p->weights);
  w->bytes = w->weights->bytes() + (bias.defined() ? w->bias_values.nbytes() : 0);
  return w;
}

void dnnl_linear(const void* x, int64_t rows, int64_t row_stride, const PackedLinear& base, void* out,
                 Activation activation, float scale, const void* residual, DType out_type) {
  const auto& w = static_cast<const DnnlLinear&>(base);
  Key key = linear_key(w, rows, row_stride, w.bias_values.defined());
  key.activation = activation;
  key.scale = scale;
  key.residual = residual != nullptr;
  key.out = out_type;
  const auto p = plan(key);
  execute(*p, w.weights->in(p->weights), x, w.bias_values.defined() ? w.bias_values.f32() : nullptr, out, residual,
          scale != 1.0f, activation != Activation::kNone);
}

PackedConvPtr dnnl_pack_conv2d(const Tensor& weight, const Tensor& bias, const ConvShape& shape, DType compute) {
  auto w = std::make_shared<DnnlConv>();
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = compute;
  w->bias_values = bias.defined() ? clone(convert(bias, DType::kF32)) : Tensor::zeros({w->out_channels});
  const auto p =
      plan({1,
            compute,
            Activation::kNone,
            false,
            true,
            1.0f,
            {1, 64, 64, w->in_channels, w->out_channels, w->kernel, shape.stride, shape.pad, w->shape.pad_after},
            compute});
  const memory::desc plain({w->out_channels, w->in_channels, w->kernel, w->kernel}, type_of(compute),
                           memory::format_tag::oihw);
  w->weights = std::make_unique<Packed>(plain, convert(weight, compute), p->weights);
  w->bytes = w->weights->bytes() + w->bias_values.nbytes();
  return w;
}

void dnnl_conv2d(const void* x, int64_t n, int64_t h, int64_t width, const PackedConv& base, void* out,
                 Activation activation, const void* residual, const float* channel_bias, DType out_type) {
  const auto& w = static_cast<const DnnlConv&>(base);
  const ConvShape& s = w.shape;
  const int64_t samples = channel_bias ? 1 : n, runs = channel_bias ? n : 1;
  const Key key{1,
                w.compute,
                activation,
                residual != nullptr,
                true,
                1.0f,
                {samples, h, width, w.in_channels, w.out_channels, w.kernel, s.stride, s.pad, s.pad_after},
                out_type};
  const auto p = plan(key);
  const memory weights = w.weights->in(p->weights);
  const size_t in_step = p->src.get_size(), out_step = p->dst.get_size();
  Tensor bias = w.bias_values;
  for (int64_t i = 0; i < runs; ++i) {
    if (channel_bias) {
      bias = Tensor({w.out_channels});
      for (int64_t c = 0; c < w.out_channels; ++c)
        bias.f32()[c] = w.bias_values.f32()[c] + channel_bias[i * w.out_channels + c];
    }
    const size_t k = static_cast<size_t>(i);
    execute(*p, weights, static_cast<const char*>(x) + k * in_step, bias.f32(), static_cast<char*>(out) + k * out_step,
            residual ? static_cast<const char*>(residual) + k * out_step : nullptr, false,
            activation != Activation::kNone);
  }
}

}  // namespace easel::ops::cpu
