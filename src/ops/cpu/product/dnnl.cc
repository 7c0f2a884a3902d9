#include "ops/cpu/product/dnnl.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <dnnl.hpp>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/scratch.h"
#include "ops/elementwise.h"

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

// What a primitive is made for. `dims` of a product: rows, row stride, in, out; of a convolution: n, h, w, in,
// out, kernel, stride, pad, pad_after.
struct Key {
  bool convolution;
  DType type, out;
  Activation activation;
  float scale;
  bool add;  // to what the output holds
  std::array<int64_t, 9> dims;
  int threads = thread_count();  // a primitive must be run by as many threads as it was made for
  auto operator<=>(const Key&) const = default;
};

struct Plan {
  dnnl::primitive primitive;
  memory::desc src, weights, bias, dst, scratch;
};

// oneDNN 3 has these choices under other names: this function, matmul_plan() and conv_plan() are what
// differs between the versions.
dnnl::primitive_attr attributes(const Key& key) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops ops;
  switch (key.activation) {
    case Activation::kNone: break;
    case Activation::kSilu: ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.0f, 0.0f); break;
    case Activation::kQuickGelu: ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.702f, 0.0f); break;
    case Activation::kGelu: ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f); break;
    case Activation::kRelu: ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f); break;
    case Activation::kLeakyRelu: ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.2f, 0.0f); break;
  }
  if (key.scale != 1.0f) ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, key.scale, 0.0f);
  if (key.add) ops.append_sum();
  attr.set_post_ops(ops);
  return attr;
}

Plan matmul_plan(const Key& key) {
  const auto [rows, lead, in, out, u0, u1, u2, u3, u4] = key.dims;
  const auto type = type_of(key.type);
  const memory::desc src({rows, in}, type, memory::dims{lead, 1}), weights({in, out}, type, memory::format_tag::any);
  const memory::desc bias({1, out}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc dst({rows, out}, type_of(key.out), memory::format_tag::ab);
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(src, weights, bias, dst), attributes(key), engine());
  return {dnnl::matmul(pd), src, pd.weights_desc(), bias, dst, pd.scratchpad_desc()};
}

Plan conv_plan(const Key& key) {
  const auto [n, h, w, in, out, k, step, pad, pad_after] = key.dims;
  const auto type = type_of(key.type);
  const memory::desc src({n, in, h, w}, type, memory::format_tag::nhwc);
  const memory::desc weights({out, in, k, k}, type, memory::format_tag::any);
  const memory::desc bias({out}, memory::data_type::f32, memory::format_tag::a);
  const memory::desc dst({n, out, (h + pad + pad_after - k) / step + 1, (w + pad + pad_after - k) / step + 1},
                         type_of(key.out), memory::format_tag::nhwc);
  using Conv = dnnl::convolution_forward;
  const memory::dims strides{step, step}, before{pad, pad}, after{pad_after, pad_after};
  const Conv::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, src, weights, bias,
                        dst, strides, before, after);
  const Conv::primitive_desc pd(desc, attributes(key), engine());
  return {Conv(pd), src, pd.weights_desc(), bias, dst, pd.scratchpad_desc()};
}

// The plan for a key, and the calling thread ready to run it: oneDNN computes on as many threads as OpenMP would give
// to that thread, which knows nothing of thread_count().
const Plan& plan(const Key& key) {
  omp_set_num_threads(key.threads);
  static Mutex mutex;
  static auto* plans = new std::map<Key, Plan>;  // nodes never move
  const MutexLock lock(mutex);
  const auto it = plans->find(key);
  if (it != plans->end()) return it->second;
  return plans->emplace(key, key.convolution ? conv_plan(key) : matmul_plan(key)).first->second;
}

// Weights in the layout of the first plan, and in others if a shape asks for them.
class DnnlWeights {
 public:
  void pack(const memory::desc& plain, const StoredTensor& weight, const StoredTensor& bias, DType type,
            int64_t outputs, const memory::desc& wanted) {
    const Tensor values = contiguous(convert(weight.tensor(), type));
    const MutexLock lock(mutex_);
    layouts_.push_back(reorder(memory(plain, engine(), const_cast<void*>(values.raw())), wanted));
    bias_ = bias.defined() ? clone(bias.decoded()) : Tensor::zeros({outputs});
  }
  memory in(const memory::desc& wanted) const {
    const MutexLock lock(mutex_);
    for (const memory& m : layouts_)
      if (m.get_desc() == wanted) return m;
    layouts_.push_back(reorder(layouts_.front(), wanted));
    return layouts_.back();
  }
  const Tensor& bias() const { return bias_; }
  size_t bytes() const {
    const MutexLock lock(mutex_);
    return layouts_.front().get_desc().get_size() + bias_.nbytes();
  }

 private:
  static memory reorder(memory from, const memory::desc& wanted) {
    memory to(wanted, engine());
    dnnl::reorder(from, to).execute(stream(), from, to);
    stream().wait();
    return to;
  }
  mutable Mutex mutex_;
  mutable std::vector<memory> layouts_ EASEL_GUARDED_BY(mutex_);
  Tensor bias_;
};

void execute(const Plan& p, const DnnlWeights& weights, const void* src, const float* bias, void* dst) {
  const auto wrap = [](const memory::desc& d, const void* at) { return memory(d, engine(), const_cast<void*>(at)); };
  const Tensor scratch({static_cast<int64_t>(p.scratch.get_size())}, DType::kU8);
  const std::unordered_map<int, memory> args{{DNNL_ARG_SRC, wrap(p.src, src)},
                                             {DNNL_ARG_WEIGHTS, weights.in(p.weights)},
                                             {DNNL_ARG_BIAS, wrap(p.bias, bias)},
                                             {DNNL_ARG_DST, wrap(p.dst, dst)},
                                             {DNNL_ARG_SCRATCHPAD, wrap(p.scratch, scratch.raw())}};
  p.primitive.execute(stream(), args);
  stream().wait();
}

class DnnlLinear final : public CpuLinear {
 public:
  Key key(int64_t rows, int64_t lead) const {
    return {false, compute, compute, Activation::kNone, 1.0f, false, {rows, lead, in_features, out_features}};
  }
  void run(const ProductArgs& args) const override {
    if (geglu) return run_gated(args);
    Key k = key(args.rows, args.row_stride);
    k.out = args.type;
    k.activation = args.activation;
    k.scale = args.scale;
    k.add = args.residual != nullptr;
    const Plan& p = plan(k);
    if (args.residual) std::memcpy(args.out, args.residual, p.dst.get_size());
    execute(p, weights, args.x, weights.bias().f32(), args.out);
  }

  DnnlWeights weights;

 private:
  // The product in f32, then the gate over it.
  void run_gated(const ProductArgs& args) const {
    const int64_t width = out_features / 2;
    Key k = key(args.rows, args.row_stride);
    k.out = DType::kF32;
    const Tensor both({args.rows, out_features}), none = Tensor::zeros({out_features});
    execute(plan(k), weights, args.x, weights.bias().f32(), const_cast<float*>(both.f32()));
    parallel_for(args.rows, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = r * width;
        FinishTile f{};
        f.sums = both.f32() + r * out_features;
        f.sums_stride = out_features;
        f.rows = 1;
        f.columns = width;
        f.bias = none.f32();
        f.scale = 1.0f;
        f.gated = true;
        f.gate = width;
        f.out = args.out;
        f.out_offset = &at;
        kernels().finish[type_index(args.type)](f);
      }
    });
  }
};

class DnnlConv final : public CpuConv {
 public:
  Key key(int64_t n, int64_t h, int64_t w) const {
    return {true,
            compute,
            compute,
            Activation::kNone,
            1.0f,
            false,
            {n, h, w, in_channels, out_channels, kernel, shape.stride, shape.pad, shape.pad_after}};
  }
  void run(const ConvolutionArgs& args) const override {
    const Tensor x = args.upsample2x ? upsample_nearest2x(args.x) : contiguous(args.x);
    // A bias of its own for each sample means a call for each.
    const int64_t runs = args.channel_bias ? x.dim(0) : 1;
    Key k = key(x.dim(0) / runs, x.dim(1), x.dim(2));
    k.out = args.out.dtype();
    k.activation = args.activation;
    k.add = args.residual != nullptr;
    const Plan& p = plan(k);
    auto* out = static_cast<char*>(const_cast<void*>(args.out.raw()));
    if (args.residual) std::memcpy(out, args.residual, args.out.nbytes());
    for (int64_t i = 0; i < runs; ++i) {
      Tensor bias = weights.bias();
      if (args.channel_bias) {
        bias = clone(bias);
        for (int64_t c = 0; c < out_channels; ++c) bias.f32()[c] += args.channel_bias[i * out_channels + c];
      }
      const auto step = static_cast<size_t>(i);
      execute(p, weights, static_cast<const char*>(x.raw()) + step * p.src.get_size(), bias.f32(),
              out + step * p.dst.get_size());
    }
  }

  DnnlWeights weights;
};

// Of weights without the rounding up that a layout may bring.
size_t plain_bytes(int64_t outputs, int64_t inputs, DType type) {
  return static_cast<size_t>(outputs) * (static_cast<size_t>(inputs) * dtype_size(type) + sizeof(float));
}

}  // namespace

PackedLinearPtr make_dnnl_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                 bool geglu, const Packer& packer) {
  auto w = std::make_shared<DnnlLinear>();
  for (const StoredTensor& weight : weights) w->out_features += weight.dim(0);
  w->in_features = weights[0].dim(1);
  w->compute = compute;
  w->geglu = geglu;
  w->bytes = plain_bytes(w->out_features, w->in_features, compute);
  if (packer.measures()) return w;
  StoredTensor weight = weights[0];
  if (weights.size() > 1) {
    std::vector<Tensor> parts;
    for (const StoredTensor& part : weights) parts.push_back(convert(part.tensor(), compute));
    weight = concat(parts, 0);
  }
  const memory::desc plain({w->in_features, w->out_features}, type_of(compute), memory::format_tag::ba);
  w->weights.pack(plain, weight, bias, compute, w->out_features, plan(w->key(1024, w->in_features)).weights);
  w->bytes = w->weights.bytes();
  return w;
}

PackedConvPtr make_dnnl_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                             DType compute, const Packer& packer) {
  auto w = std::make_shared<DnnlConv>();
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = compute;
  w->bytes = plain_bytes(w->out_channels, w->in_channels * w->kernel * w->kernel, compute);
  if (packer.measures()) return w;
  const memory::desc plain({w->out_channels, w->in_channels, w->kernel, w->kernel}, type_of(compute),
                           memory::format_tag::oihw);
  w->weights.pack(plain, weight, bias, compute, w->out_channels, plan(w->key(1, 64, 64)).weights);
  w->bytes = w->weights.bytes();
  return w;
}

std::function<void()> make_dnnl_product(DType type, int64_t rows, int64_t depth, int64_t outputs) {
  if (type != DType::kI8) {
    const StoredTensor weight = Tensor::full({outputs, depth}, 0.5f);
    const Tensor x = convert(Tensor::full({rows, depth}, 0.5f), type);
    return [x, w = make_dnnl_linear({&weight, 1}, {}, type, false, Packer::pack()),
            out = Tensor({rows, outputs}, type)]() mutable {
      static_cast<const CpuLinear&>(*w).run(
          {x.raw(), x.dim(0), x.dim(1), out.raw(), Activation::kNone, 1.0f, out.dtype()});
    };
  }
  omp_set_num_threads(thread_count());
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  const memory::desc src({rows, depth}, Type::u8, Tag::ab), dst({rows, outputs}, Type::s32, Tag::ab);
  const memory::desc any({depth, outputs}, Type::s8, Tag::any);
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(src, any, dst), engine());
  const memory x(src, engine()), w(pd.weights_desc(), engine()), y(dst, engine());
  std::memset(x.get_data_handle(), 3, x.get_desc().get_size());
  std::memset(w.get_data_handle(), 5, w.get_desc().get_size());
  const std::unordered_map<int, memory> args{{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}};
  return [product = dnnl::matmul(pd), args] {
    product.execute(stream(), args);
    stream().wait();
  };
}

}  // namespace easel::ops::cpu
