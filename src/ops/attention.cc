#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "ops/check.h"

namespace easel::ops {
namespace {

struct Problem {
  int64_t n, tq, tk, heads, width;
  float scale;
  bool causal;
  const float* bias;
  int64_t bias_head, bias_sample;  // strides of bias; 0 where shared
  bool shared_kv;
};

template <class T>
void attend_row(const Problem& p, const T* q, const Tensor& k, const Tensor& v, int64_t batch, int64_t head,
                const float* bias, int64_t keys, T* out, float* scores, float* acc) {
  const T* kp = k.data<T>() + batch * k.stride(0) + head * p.width;
  const T* vp = v.data<T>() + batch * v.stride(0) + head * p.width;
  float top = -INFINITY;
  for (int64_t j = 0; j < keys; ++j) {
    float s = 0;
    for (int64_t d = 0; d < p.width; ++d) s += static_cast<float>(q[d]) * static_cast<float>(kp[j * k.stride(1) + d]);
    scores[j] = s * p.scale + (bias ? bias[j] : 0.0f);
    top = std::max(top, scores[j]);
  }
  std::fill_n(acc, p.width, 0.0f);
  float sum = 0;
  for (int64_t j = 0; j < keys; ++j) {
    const float e = std::exp(scores[j] - top);
    sum += e;
    for (int64_t d = 0; d < p.width; ++d) acc[d] += e * static_cast<float>(vp[j * v.stride(1) + d]);
  }
  for (int64_t d = 0; d < p.width; ++d) out[d] = T(acc[d] / sum);
}

template <class T>
void attend(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& v, Tensor& out) {
  parallel_for(p.n * p.heads * p.tq, 8, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(static_cast<size_t>(p.tk)), acc(static_cast<size_t>(p.width));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % p.tq, head = i / p.tq % p.heads, n = i / (p.tq * p.heads);
      const float* bias = p.bias ? p.bias + n * p.bias_sample + head * p.bias_head + row * p.tk : nullptr;
      attend_row<T>(p, q.data<T>() + n * q.stride(0) + row * q.stride(1) + head * p.width, k, v, p.shared_kv ? 0 : n,
                    head, bias, p.causal ? std::min(p.tk, row + 1) : p.tk,
                    out.data<T>() + (n * p.tq + row) * p.heads * p.width + head * p.width, scores.data(), acc.data());
    }
  });
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args) {
  for (const Tensor* t : {&q, &k, &v}) {
    check_float("attention", *t);
    if (t->rank() != 3 || t->dtype() != q.dtype() || t->dim(2) != q.dim(2) || (t->dim(2) > 1 && t->stride(2) != 1))
      reject("attention", q.str() + ", " + k.str() + ", " + v.str());
  }
  if (heads < 1 || q.dim(2) % heads != 0 || !(k.shape() == v.shape()) || (k.dim(0) != q.dim(0) && k.dim(0) != 1))
    reject("attention", q.str() + ", " + k.str() + ", " + v.str() + " for " + std::to_string(heads) + " heads");
  if (k.dim(1) < 1) reject("attention", "no keys");
  Problem p{q.dim(0),    q.dim(1), k.dim(1), heads, q.dim(2) / heads, args.scale,
            args.causal, nullptr,  0,        0,     k.dim(0) == 1};
  if (p.scale == 0.0f) p.scale = 1.0f / std::sqrt(static_cast<float>(p.width));
  Tensor bias;
  if (args.bias.defined()) {
    const Shape one{p.tq, p.tk}, sample{p.n, p.tq, p.tk}, head{p.n * heads, p.tq, p.tk};
    const Shape& s = args.bias.shape();
    if (args.bias.dtype() != DType::kF32 || !(s == one || s == sample || s == head))
      reject("attention", "bias " + args.bias.str() + " for " + q.str() + " and " + k.str());
    bias = contiguous(args.bias);
    p.bias = bias.f32();
    p.bias_sample = s == one ? 0 : s == sample ? p.tq * p.tk : heads * p.tq * p.tk;
    p.bias_head = s == head && !(s == sample) ? p.tq * p.tk : 0;
  }
  Tensor out(q.shape(), q.dtype());
  with_type(q.dtype(), [&]<class T>(T) { attend<T>(p, q, k, v, out); });
  return out;
}

}  // namespace easel::ops
