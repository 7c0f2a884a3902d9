// The formulas of LoRA and its relatives. Sources: Hu et al. 2021 (LoRA), Yeh et al. 2023 (LyCORIS: LoCon, LoHa,
// LoKr), Liu et al. 2024 (DoRA), Chavan et al. 2023 (GLoRA), Liu et al. 2022 (IA3, "Few-Shot Parameter-Efficient
// Fine-Tuning"); details as ComfyUI applies them, and as PEFT does what ComfyUI does not. Rotations (OFT, BOFT) are in
// orthogonal.cc.
#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "models/patch/lora.h"
#include "models/patch/matrices.h"
#include "models/patch/orthogonal.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

// [rows, everything else], f32.
Tensor matrix(const StoredTensor& t) {
  const Tensor f = t.decoded();
  return f.view({f.dim(0), f.numel() / std::max<int64_t>(1, f.dim(0))});
}

// sum over i, j of core[i,j,k,l] * right[j,r] * left[i,p] -> [p, r*k*l]: a Tucker product over the first two axes.
Tensor tucker(const StoredTensor& core, const StoredTensor& left, const StoredTensor& right) {
  const Tensor c = core.decoded();
  const int64_t i = c.dim(0), j = c.dim(1), kl = c.numel() / std::max<int64_t>(1, i * j), r = right.dim(1);
  // [i, kl, j] x [j, r], then back to [i, r, kl].
  const Tensor swapped = contiguous(c.view({i, j, kl}).permute({0, 2, 1})).view({i * kl, j});
  const Tensor inner = contiguous(product(swapped, matrix(right)).view({i, kl, r}).permute({0, 2, 1}));
  return product(contiguous(matrix(left).permute({1, 0})), inner.view({i, r * kl}));
}

// Kronecker product of a [m,n] and b [p,q,rest], as [m*p, n*q*rest].
Tensor kronecker(const Tensor& a, const Tensor& b) {
  const int64_t m = a.dim(0), n = a.dim(1), p = b.dim(0), q = b.dim(1), rest = b.numel() / std::max<int64_t>(1, p * q);
  check_size(m * p, n * q * rest);
  return ops::map([](auto left, auto right) { return left * right; }, contiguous(a).view({m, 1, n, 1}),
                  contiguous(b).view({1, p, 1, q * rest}))
      .view({m * p, n * q * rest});
}

struct Change {
  Tensor difference;  // [out, everything else]
  int64_t rank = 0;   // the divisor of alpha; 0: alpha is not used
};

Change lora_change(const LoraModule& m, const StoredTensor& up, const StoredTensor& down) {
  const int64_t rank = down.dim(0);
  const StoredTensor* mid = m.find("lora_mid");
  if (!mid) return {product(matrix(up), matrix(down)), rank};
  // mid [r1,r2,k,k], down [r2,in,1,1]: the factor between them has the kernel.
  const Tensor d = matrix(down);
  const Tensor core = mid->decoded();
  const int64_t r1 = core.dim(0), r2 = core.dim(1), kernel = core.numel() / std::max<int64_t>(1, r1 * r2);
  const Tensor swapped = contiguous(core.view({r1, r2, kernel}).permute({0, 2, 1})).view({r1 * kernel, r2});
  const Tensor inner = contiguous(product(swapped, d).view({r1, kernel, d.dim(1)}).permute({0, 2, 1}));
  return {product(matrix(up), inner.view({r1, d.dim(1) * kernel})), rank};
}

Change loha_change(const LoraModule& m) {
  const StoredTensor *a1 = m.find("hada_w1_a"), *b1 = m.find("hada_w1_b"), *a2 = m.find("hada_w2_a"),
                     *b2 = m.find("hada_w2_b");
  if (!a1 || !b1 || !a2 || !b2) throw Error(Fault::kMismatch, "one of its four factors is missing");
  const StoredTensor *t1 = m.find("hada_t1"), *t2 = m.find("hada_t2");
  const Tensor w1 = t1 ? tucker(*t1, *a1, *b1) : product(matrix(*a1), matrix(*b1));
  const Tensor w2 = t1 && t2 ? tucker(*t2, *a2, *b2) : product(matrix(*a2), matrix(*b2));
  return {ops::mul(w1, w2), b1->dim(0)};
}

Change lokr_change(const LoraModule& m) {
  Change out;
  const auto factor = [&](const char* whole, const char* left, const char* right, const StoredTensor* core) -> Tensor {
    if (const StoredTensor* w = m.find(whole)) return w->decoded();
    const StoredTensor *a = m.find(left), *b = m.find(right);
    if (!a || !b) throw Error(Fault::kMismatch, "one of its factors is missing");
    out.rank = b->dim(0);
    if (!core) return product(matrix(*a), matrix(*b));
    return tucker(*core, *a, *b).view({a->dim(1), b->dim(1), core->dim(2), core->dim(3)});
  };
  const Tensor w1 = factor("lokr_w1", "lokr_w1_a", "lokr_w1_b", nullptr);
  const Tensor w2 = factor("lokr_w2", "lokr_w2_a", "lokr_w2_b", m.find("lokr_t2"));
  out.difference = kronecker(matrix(w1), w2);
  return out;
}

// weight times a factor [in, r], for each position of a kernel: [out, in, rest] -> [out, r, rest].
Tensor by_channel(const Tensor& weight, const Tensor& factor) {
  const int64_t out = weight.dim(0), in = weight.dim(1), rest = weight.dim(2), r = factor.dim(1);
  const Tensor rows = contiguous(weight.permute({0, 2, 1})).view({out * rest, in});
  return contiguous(product(rows, factor).view({out, rest, r}).permute({0, 2, 1}));
}

// W (I + A) + B. LyCORIS has named and ordered the factors in two ways: until 2024 A = a2 a1 and B = b2 b1, since then
// A = a1 a2 and B = b1 b2. The dimension that holds the rank tells which; where both are possible, it is the older one,
// as in ComfyUI.
Change glora_change(const LoraModule& m, const Tensor& weight) {
  const StoredTensor *a1 = m.find("a1"), *a2 = m.find("a2"), *b1 = m.find("b1"), *b2 = m.find("b2");
  if (!a1 || !a2 || !b1 || !b2) throw Error(Fault::kMismatch, "one of its four factors is missing");
  if (weight.rank() < 2) throw Error(Fault::kMismatch, "four factors for a weight of shape " + weight.shape().str());
  for (const StoredTensor* t : {a1, a2, b1, b2})
    if (t->rank() < 2) throw Error(Fault::kMismatch, "a factor of shape " + t->shape().str());
  const auto all = [](int64_t first, std::initializer_list<int64_t> others) {
    return std::all_of(others.begin(), others.end(), [&](int64_t v) { return v == first; });
  };
  const bool old = all(a1->dim(0), {a2->dim(1), b1->dim(0), b2->dim(1)});
  const bool present = all(a1->dim(1), {a2->dim(0), b1->dim(1), b2->dim(0)});
  const bool both = a2->dim(0) == weight.dim(0) && weight.dim(0) == weight.dim(1);
  if (present && !(old && both)) {
    const int64_t in = weight.dim(1), rest = weight.numel() / std::max<int64_t>(1, weight.dim(0) * in);
    const Tensor cube = weight.view({weight.dim(0), in, rest});
    const Tensor inner = by_channel(by_channel(cube, matrix(*a1)), matrix(*a2)).view({weight.dim(0), -1});
    return {ops::add(product(matrix(*b1), matrix(*b2)), inner), a1->dim(1)};
  }
  const Tensor inner = product(product(weight.view({weight.dim(0), -1}), matrix(*a2)), matrix(*a1));
  return {ops::add(product(matrix(*b2), matrix(*b1)), inner), a1->dim(0)};
}

// A LoRA for a model that was given more input channels says how large the weight is to become.
void check_reshape(const LoraModule& m, const Tensor& weight) {
  const StoredTensor* wanted = m.find("reshape_weight");
  if (!wanted) return;
  const std::vector<float> dims = ops::read(wanted->decoded());
  bool same = static_cast<int>(dims.size()) == weight.rank();
  for (int d = 0; same && d < weight.rank(); ++d)
    same = dims[static_cast<size_t>(d)] == static_cast<float>(weight.dim(d));
  if (!same)
    throw Error(Fault::kUnsupported,
                "it enlarges a weight of shape " + weight.shape().str() + ", which makes another network of the model");
}

// Each output, or each input, times a number of its own: [out,1] or [1,in] for a matrix, [1,n,1,1] for a convolution,
// where n may be either; outputs are meant where both fit. A vector's one number for each value.
Change ia3_change(const StoredTensor& factors, const Tensor& weight) {
  const int64_t out = weight.dim(0), in = weight.rank() > 1 ? weight.dim(1) : 1;
  const bool is_list = factors.rank() == 4 || factors.rank() == 1;
  const bool by_output = is_list ? factors.numel() == out : factors.dim(0) == out && factors.numel() == out;
  const bool by_input = is_list ? factors.numel() == in : factors.dim(0) == 1 && factors.numel() == in;
  if (!by_output && !by_input)
    throw Error(Fault::kMismatch,
                "factors of shape " + factors.shape().str() + " for a weight of shape " + weight.shape().str());
  const int64_t rest = weight.numel() / std::max<int64_t>(1, out * in);
  const Shape one = by_output ? Shape{out, 1, 1} : Shape{1, in, 1};
  return {ops::map([](auto v, auto factor) { return v * factor - v; }, weight.view({out, in, rest}),
                   factors.decoded().view(one))
              .view({out, in * rest}),
          0};
}

Change change_of(const LoraModule& m, const Tensor& weight, float strength) {
  check_reshape(m, weight);
  const StoredTensor *up = m.find("lora_up"), *down = m.find("lora_down");
  if (up && down) return lora_change(m, *up, *down);
  if (m.find("hada_w1_a")) return loha_change(m);
  if (m.find("lokr_w1") || m.find("lokr_w2") || m.find("lokr_w1_a") || m.find("lokr_w2_a")) return lokr_change(m);
  if (m.find("a1")) return glora_change(m, weight);
  if (m.find("oft_blocks")) return {orthogonal_change(m, weight, strength), 0};
  if (const StoredTensor* r = m.find("oft_r")) return {input_rotation_change(*r, weight), 0};
  if (const StoredTensor* factors = m.find("ia3")) return ia3_change(*factors, weight);
  for (const char* role : {"diff", "w_norm"})
    if (const StoredTensor* d = m.find(role)) return {matrix(*d), 0};
  if (up || down)
    throw Error(Fault::kMismatch, std::string("it has a lora_") + (up ? "up but no lora_down" : "down but no lora_up"));
  throw Error(Fault::kUnsupported, "it holds no change Easel knows");
}

// Weight-decomposed adaption: the changed weight, with each column (or row, depending on the scale's shape) scaled to
// the length in `scale`. For rows LyCORIS, and ComfyUI with it, divides by the length before the change, PEFT by that
// of the changed ones (`rows_changed`). A length may be 0.
Tensor decomposed(const StoredTensor& scale, const Tensor& weight, const Tensor& change, float strength,
                  bool rows_changed) {
  const Tensor lengths = scale.decoded();
  const Tensor changed = ops::add(weight, change.view(weight.shape()));
  if (lengths.rank() == 0 || weight.rank() < 2)
    throw Error(Fault::kMismatch,
                "dora_scale of shape " + lengths.shape().str() + " for a weight of shape " + weight.shape().str());
  const int64_t out = weight.dim(0), in = weight.dim(1), kernel = weight.numel() / std::max<int64_t>(1, out * in);
  const bool by_row = lengths.dim(0) == out && lengths.numel() == out && (out != 1 || rows_changed);
  if (lengths.numel() != (by_row ? out : in))
    throw Error(Fault::kMismatch, "dora_scale of shape " + lengths.shape().str());
  const Shape cube{out, in, kernel}, one = by_row ? Shape{out, 1, 1} : Shape{1, in, 1};
  const Tensor measured = (by_row && !rows_changed ? weight : changed).view(cube);
  Tensor squares = ops::reduce(ops::mul(measured, measured), ops::Reduction::kSum, 2, 2);
  squares = ops::reduce(squares, ops::Reduction::kSum, by_row ? 1 : 0, by_row ? 1 : 0);
  constexpr float kLeast = std::numeric_limits<float>::epsilon();  // as the reference adds it
  return ops::map([=](auto old, auto now, auto length,
                      auto square) { return old + strength * (now * (length / (sqrt(square) + kLeast)) - old); },
                  weight.view(cube), changed.view(cube), lengths.view(one), squares)
      .view(weight.shape());
}

}  // namespace

float lora_scale(const LoraModule& module, int64_t rank) {
  const StoredTensor* alpha = module.find("alpha");
  if (!alpha || rank <= 0 || alpha->numel() != 1) return 1.0f;
  return ops::item(alpha->decoded().view({1})) / static_cast<float>(rank);
}

Tensor apply_lora_module(const LoraModule& module, const StoredTensor& given, float strength) {
  try {
    const Tensor weight = given.decoded();
    if (const StoredTensor* set = module.find("set_weight")) {
      if (set->numel() != weight.numel())
        throw Error(Fault::kMismatch, "it replaces a weight of shape " + set->shape().str() +
                                          ", but the model's has shape " + weight.shape().str());
      return set->decoded().view(weight.shape());
    }
    const Change change = change_of(module, weight, strength);
    if (change.difference.numel() != weight.numel() || change.difference.dim(0) != weight.dim(0))
      throw Error(Fault::kMismatch, "it changes a weight of shape " + change.difference.shape().str() +
                                        ", but the model's has shape " + weight.shape().str());
    const float alpha = lora_scale(module, change.rank);
    for (const char* role : {"dora_scale", "magnitude"})
      if (const StoredTensor* scale = module.find(role))
        return decomposed(*scale, weight, ops::affine(change.difference, alpha), strength,
                          std::string_view(role) == "magnitude");
    return ops::add(weight, change.difference.view(weight.shape()), strength * alpha);
  } catch (const Error& e) {
    // An op refuses operands that do not fit together: here it is the file that gave them.
    const Fault fault = e.fault() == Fault::kInternal ? Fault::kMismatch : e.fault();
    throw Error(fault, "LoRA module '" + module.name + "': " + e.message());
  }
}

}  // namespace easel::models
