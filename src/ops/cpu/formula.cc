// A formula is carried out block by block: every step makes a block of values from blocks before it, so that all of
// them stay in the first-level cache and each step is a loop that the compiler vectorises. No step is fused with
// another, so the values are those of plain f32 arithmetic at every instruction level.
#include "ops/cpu/formula.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "ops/check.h"

namespace easel::ops::cpu {
namespace {

using Op = Formula::Op;

constexpr int64_t kBlock = 256, kGrain = (1 << 15) / kBlock;

// How the elements of a tensor follow one another in C order: as few dimensions as its strides allow, outermost first.
struct Walk {
  explicit Walk(const Tensor& t) : type(t.dtype()) {
    for (int d = 0; d < t.rank(); ++d) {
      if (t.dim(d) == 1) continue;
      if (rank > 0 && stride[rank - 1] == t.stride(d) * t.dim(d)) {
        size[rank - 1] *= t.dim(d);
        stride[rank - 1] = t.stride(d);
      } else {
        size[rank] = t.dim(d);
        stride[rank++] = t.stride(d);
      }
    }
    if (rank == 0) {
      size[0] = stride[0] = 1;
      rank = 1;
    }
  }
  bool dense_f32() const { return type == DType::kF32 && rank == 1 && stride[0] == 1; }

  DType type;
  int rank = 0;
  int64_t size[Shape::kMaxRank], stride[Shape::kMaxRank];
};

// Calls run(offset, stride, first, count) for each piece of elements [begin, begin + count) that lies at one stride;
// `first` counts from `begin`.
template <class Run>
void for_pieces(const Walk& walk, int64_t begin, int64_t count, const Run& run) {
  const int last = walk.rank - 1;
  int64_t place[Shape::kMaxRank], offset = 0, rest = begin;
  for (int d = last; d >= 0; --d) {
    place[d] = rest % walk.size[d];
    rest /= walk.size[d];
    offset += place[d] * walk.stride[d];
  }
  for (int64_t done = 0; done < count;) {
    const int64_t piece = std::min(count - done, walk.size[last] - place[last]);
    run(offset, walk.stride[last], done, piece);
    done += piece;
    place[last] += piece;
    offset += piece * walk.stride[last];
    for (int d = last; d > 0 && place[d] == walk.size[d]; --d) {
      offset += walk.stride[d - 1] - walk.size[d] * walk.stride[d];
      place[d] = 0;
      ++place[d - 1];
    }
  }
}

template <class T>
void gather(const T* from, const Walk& walk, int64_t begin, int64_t count, float* to) {
  for_pieces(walk, begin, count, [&](int64_t offset, int64_t stride, int64_t first, int64_t piece) {
    const T* in = from + offset;
    float* out = to + first;
    if (stride == 0) std::fill_n(out, piece, static_cast<float>(*in));
    else if (stride == 1)
      for (int64_t i = 0; i < piece; ++i) out[i] = static_cast<float>(in[i]);
    else
      for (int64_t i = 0; i < piece; ++i) out[i] = static_cast<float>(in[i * stride]);
  });
}

template <class T>
void scatter(const float* from, const Walk& walk, int64_t begin, int64_t count, T* to) {
  for_pieces(walk, begin, count, [&](int64_t offset, int64_t stride, int64_t first, int64_t piece) {
    for (int64_t i = 0; i < piece; ++i) to[offset + i * stride] = T(from[first + i]);
  });
}

template <class F>
void each(const float* a, float* to, const F& f) {
#pragma omp simd
  for (int64_t i = 0; i < kBlock; ++i) to[i] = f(a[i]);
}

template <class F>
void each(const float* a, const float* b, float* to, const F& f) {
#pragma omp simd
  for (int64_t i = 0; i < kBlock; ++i) to[i] = f(a[i], b[i]);
}

// One step for a block; `values` are the blocks by place.
void carry_out(const Formula::Step& step, const float* const* values, float* to) {
  const float *a = values[step.a], *b = values[step.b], *c = values[step.c];
  switch (step.op) {
    case Op::kConstant: return;  // made once
    case Op::kAdd: return each(a, b, to, [](float x, float y) { return x + y; });
    case Op::kSubtract: return each(a, b, to, [](float x, float y) { return x - y; });
    case Op::kMultiply: return each(a, b, to, [](float x, float y) { return x * y; });
    case Op::kDivide: return each(a, b, to, [](float x, float y) { return x / y; });
    case Op::kMin: return each(a, b, to, [](float x, float y) { return y < x ? y : x; });
    case Op::kMax: return each(a, b, to, [](float x, float y) { return x < y ? y : x; });
    case Op::kSqrt: return each(a, to, [](float x) { return std::sqrt(x); });
    case Op::kRound: return each(a, to, [](float x) { return std::nearbyint(x); });
    case Op::kExp: return each(a, to, [](float x) { return std::exp(x); });
    case Op::kLog: return each(a, to, [](float x) { return std::log(x); });
    case Op::kGreater: return each(a, b, to, [](float x, float y) { return x > y ? 1.0f : 0.0f; });
    case Op::kNotLess: return each(a, b, to, [](float x, float y) { return x >= y ? 1.0f : 0.0f; });
    case Op::kEqual: return each(a, b, to, [](float x, float y) { return x == y ? 1.0f : 0.0f; });
    case Op::kSelect:
      for (int64_t i = 0; i < kBlock; ++i) to[i] = a[i] != 0.0f ? b[i] : c[i];
      return;
  }
}

// The work memory of one thread: a block for each input and step.
class Blocks {
 public:
  explicit Blocks(const Formula& formula) {
    size_t place = static_cast<size_t>(formula.inputs());
    for (const Formula::Step& step : formula.steps()) {
      if (step.op == Op::kConstant) memory_[place].fill(step.constant);
      ++place;
    }
    values_.fill(memory_[0].data());
  }

  void take(size_t input, const Tensor& t, const Walk& walk, int64_t begin, int64_t count) {
    float* own = memory_[input].data();
    values_[input] = own;
    if (walk.dense_f32() && count == kBlock) {
      values_[input] = t.f32() + begin;
      return;
    }
    if (t.dtype() == DType::kF32) gather(t.f32(), walk, begin, count, own);
    else gather(t.data<BFloat16>(), walk, begin, count, own);
    std::fill(own + count, own + kBlock, 0.0f);
  }
  // The block of the result, which lies in `to` if that is given.
  const float* carry_out_all(const Formula& formula, float* to) {
    size_t place = static_cast<size_t>(formula.inputs());
    for (const Formula::Step& step : formula.steps()) {
      float* block =
          to && place == static_cast<size_t>(formula.result()) && step.op != Op::kConstant ? to : memory_[place].data();
      carry_out(step, values_.data(), block);
      values_[place++] = block;
    }
    return values_[static_cast<size_t>(formula.result())];
  }

 private:
  static constexpr size_t kPlaces = Formula::kMostInputs + Formula::kMostSteps;
  alignas(64) std::array<std::array<float, kBlock>, kPlaces> memory_;  // only what is used is written
  std::array<const float*, kPlaces> values_;
};

}  // namespace

void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) {
  std::array<const Tensor*, Formula::kMostInputs> used{};
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined()) used[i] = &inputs[i];
  const int64_t total = out.numel();
  parallel_for((total + kBlock - 1) / kBlock, kGrain, [&](int64_t first, int64_t last) {
    Blocks blocks(formula);
    const Walk there(out);
    std::array<Walk, Formula::kMostInputs> walks{there, there, there, there, there, there, there, there};
    for (size_t i = 0; i < inputs.size(); ++i)
      if (used[i]) walks[i] = Walk(*used[i]);
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlock, count = std::min(kBlock, total - begin);
      for (size_t i = 0; i < inputs.size(); ++i)
        if (used[i]) blocks.take(i, *used[i], walks[i], begin, count);
      float* direct = there.dense_f32() && count == kBlock ? out.f32() + begin : nullptr;
      const float* values = blocks.carry_out_all(formula, direct);
      if (values == direct) continue;
      if (out.dtype() == DType::kF32) scatter(values, there, begin, count, out.f32());
      else scatter(values, there, begin, count, out.data<BFloat16>());
    }
  });
}

namespace {

// `how` of `count` values for each of `width` <= kWidth neighbours, rows `row` apart.
constexpr int64_t kWidth = 64;

template <class T>
void reduce_columns(const T* x, int64_t count, int64_t row, int64_t width, Reduction how, float* out) {
  if (how == Reduction::kMin || how == Reduction::kMax) {
    for (int64_t c = 0; c < width; ++c) out[c] = static_cast<float>(x[c]);
    for (int64_t r = 1; r < count; ++r)
      for (int64_t c = 0; c < width; ++c) {
        const auto v = static_cast<float>(x[r * row + c]);
        out[c] = how == Reduction::kMin ? std::min(out[c], v) : std::max(out[c], v);
      }
    return;
  }
  std::array<double, kWidth> sum{};
  for (int64_t r = 0; r < count; ++r)
    for (int64_t c = 0; c < width; ++c)
      sum[static_cast<size_t>(c)] += static_cast<double>(static_cast<float>(x[r * row + c]));
  const double by = how == Reduction::kMean ? static_cast<double>(count) : 1.0;
  for (int64_t c = 0; c < width; ++c) out[c] = static_cast<float>(sum[static_cast<size_t>(c)] / by);
}

// The same of one run of neighbours, in eight sums side by side.
template <class T>
float reduce_run(const T* x, int64_t count, Reduction how) {
  if (how == Reduction::kMin || how == Reduction::kMax) {
    float out = 0;
    reduce_columns(x, count, 1, 1, how, &out);
    return out;
  }
  constexpr size_t kSums = 8;
  std::array<double, kSums> sums{};
  int64_t i = 0;
  for (; i + static_cast<int64_t>(kSums) <= count; i += static_cast<int64_t>(kSums))
    for (size_t k = 0; k < kSums; ++k)
      sums[k] += static_cast<double>(static_cast<float>(x[i + static_cast<int64_t>(k)]));
  for (; i < count; ++i) sums[0] += static_cast<double>(static_cast<float>(x[i]));
  double sum = 0;
  for (const double s : sums) sum += s;
  return static_cast<float>(how == Reduction::kMean ? sum / static_cast<double>(count) : sum);
}

}  // namespace

void reduce(const Tensor& x, Reduction how, Tensor& out) {
  const int64_t outer = x.dim(0), count = x.dim(1), inner = x.dim(2);
  const int64_t pieces = (inner + kWidth - 1) / kWidth, width = std::min(inner, kWidth);
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / (count * width));
  with_type(x.dtype(), [&]<class T>(T) {
    const T* from = x.data<T>();
    float* to = out.f32();
    parallel_for(outer * pieces, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t o = task / pieces, c = task % pieces * kWidth;
        if (inner == 1) to[o] = reduce_run(from + o * count, count, how);
        else
          reduce_columns(from + o * count * inner + c, count, inner, std::min(kWidth, inner - c), how,
                         to + o * inner + c);
      }
    });
  });
}

}  // namespace easel::ops::cpu
