#include <algorithm>
#include <optional>

#include "ops/vulkan/weights.h"

namespace easel::ops::vulkan {
namespace {

// Beyond this the sums of a query no longer fit into registers, and a workgroup would have too few queries.
constexpr int64_t kWideHead = 160;

struct Blocks {
  uint32_t threads, queries, keys, most;  // most: what a head may have values
};

// As many queries to a workgroup as its shared memory and a thread's registers hold: each key that is read serves all
// of them.
Blocks blocks_for(const GpuDescription& gpu, int64_t width) {
  const bool wide = gpu.subgroup >= 32;
  // Widths of one class share a pipeline.
  Blocks b{wide ? 128u : 64u, 32, 32, number(round_up(width, 32))};
  const uint32_t sums = wide ? 64 : 16;  // that a thread keeps
  const uint32_t parts = ceil_div(b.most, b.threads);
  const auto shared = [&] {  // bytes, as declared in attention.comp
    return 4 * (b.queries * static_cast<uint64_t>(b.most) + b.keys * 17 + b.queries * b.keys + 3 * b.queries);
  };
  while (b.queries > 4 && (b.queries * parts > sums || shared() > gpu.shared_bytes)) b.queries /= 2;
  if (shared() > gpu.shared_bytes)
    throw Error(Fault::kUnsupported, "attention with heads of " + std::to_string(width) + " values on " + gpu.name)
        .fix("Use --device cpu");
  return b;
}

// The same on cooperative matrices of this shape, if they can: a subgroup for as many queries as a matrix has rows,
// whose sums its lanes keep. Four subgroups share what is read, or fewer where shared memory holds no more.
std::optional<Blocks> matrix_blocks_for(const GpuDescription& gpu, const MatrixShape& matrix, int64_t width) {
  constexpr uint64_t kMostSums = 160;  // of a lane
  if (matrix.m == 0 || gpu.subgroup < matrix.m || gpu.subgroup % matrix.m != 0) return std::nullopt;
  Blocks b{4 * gpu.subgroup, 4 * matrix.m, 32, number(round_up(width, 32))};
  if (uint64_t{b.most} * matrix.m / gpu.subgroup > kMostSums) return std::nullopt;
  const auto shared = [&] {  // bytes, as declared in attention_matrices.comp
    return 2 * uint64_t{std::max(b.queries, b.keys)} * (b.most + 8) + 4 * uint64_t{b.queries} * (b.keys + 4) +
           2 * uint64_t{b.queries} * (b.keys + 8) + 12 * uint64_t{b.queries} + 4 * uint64_t{b.threads} + 12;
  };
  while (shared() > gpu.shared_bytes || b.threads > gpu.threads) {
    if (b.queries == matrix.m) return std::nullopt;
    b.queries /= 2;
    b.threads /= 2;
  }
  return b;
}

}  // namespace

void VulkanBackend::attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads,
                              const AttentionArgs& args, Tensor& out) const {
  const int64_t width = q.dim(2) / heads;
  if (width > kWideHead) return attention_in_strips(q, k, v, heads, args, out);
  const GpuDescription& gpu = gpu_.about();
  std::optional<Blocks> on_matrices;
  Matrices which = Matrices::kBf16Attention;
  for (const Matrices next : {Matrices::kBf16Attention, Matrices::kAttention}) {
    which = next;
    if (q.dtype() != DType::kBF16 || q.dim(1) < shape_of(next).m) continue;
    on_matrices = matrix_blocks_for(gpu, shape_of(next), width);
    if (on_matrices && matrices_work(next)) break;
    on_matrices.reset();
  }
  const Blocks blocks = on_matrices ? *on_matrices : blocks_for(gpu, width);
  const bool biased = args.bias.defined();
  const auto sample_stride = [](const Tensor& t) { return t.dim(0) == 1 ? 0 : number(t.stride(0)); };
  for (const Tensor* t : {&q, &k, &v}) number(t->dim(0) * t->stride(0) + t->dim(1) * t->stride(1));
  number(out.numel());
  const struct {
    uint64_t q, k, v, bias, result;
    uint32_t queries, keys, heads, width;
    float scale;
    uint32_t q_sample, q_row, k_sample, k_row, v_sample, v_row;
    uint32_t bias_sample, bias_head, bias_row, causal, padding;
  } push{.q = address(q),
         .k = address(k),
         .v = address(v),
         .bias = address(args.bias),
         .result = address(out),
         .queries = number(q.dim(1)),
         .keys = number(k.dim(1)),
         .heads = number(heads),
         .width = number(width),
         .scale = args.scale,
         .q_sample = sample_stride(q),
         .q_row = number(q.stride(1)),
         .k_sample = sample_stride(k),
         .k_row = number(k.stride(1)),
         .v_sample = sample_stride(v),
         .v_row = number(v.stride(1)),
         .bias_sample = biased ? number(args.bias.stride(0)) : 0,
         .bias_head = biased ? number(args.bias.stride(1)) : 0,
         .bias_row = biased ? number(args.bias.stride(2)) : 0,
         .causal = args.causal ? 1u : 0u,
         .padding = 0};
  const int64_t groups = q.dim(0) * heads * ceil_div(q.dim(1), blocks.queries);
  const uint32_t type = type_number(q.dtype());
  const MatrixShape& matrix = shape_of(which);
  if (on_matrices)
    run(which == Matrices::kAttention ? Shader::kAttentionMatrices : Shader::kAttentionMatricesBf16,
        {blocks.threads, gpu.subgroup, matrix.m, matrix.n, matrix.k, blocks.keys, blocks.most, type}, push, groups);
  else run(Shader::kAttention, {blocks.threads, blocks.queries, blocks.keys, blocks.most, type}, push, groups);
}

// Scores and weights are f32, so that both products are plain arithmetic: values of such heads (the VAE's) may be
// beyond what matrices of f16 hold.
void VulkanBackend::attention_in_strips(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads,
                                        const AttentionArgs& args, Tensor& out) const {
  // Enough rows for all of a card, and little of its memory.
  constexpr uint64_t kLeast = uint64_t{4} << 20, kMost = uint64_t{64} << 20;
  constexpr int64_t kFewest = 16;
  const int64_t samples = q.dim(0), queries = q.dim(1), keys = k.dim(1), width = q.dim(2) / heads;
  const auto scores_at_once =
      static_cast<int64_t>(std::clamp(gpu_.about().memory_bytes / 128, kLeast, kMost) / sizeof(float));
  const int64_t strip = std::min(queries, std::max(kFewest, scores_at_once / keys));
  const auto head_of = [&](const Tensor& t, int64_t sample, int64_t head) {
    return t.select(0, t.dim(0) == 1 ? 0 : sample).slice(1, head * width, width);
  };
  const Tensor scores({strip, keys}, DType::kF32, device_);
  const Tensor piece = heads == 1 ? Tensor() : Tensor({strip, width}, out.dtype(), device_);
  LinearWeights key_rows, value_columns;
  key_rows.in_features = width;
  value_columns.in_features = keys;
  for (int64_t sample = 0; sample < samples; ++sample)
    for (int64_t head = 0; head < heads; ++head) {
      if (sample == 0 || heads > 1 || k.dim(0) > 1)
        key_rows.weight = contiguous(easel::convert(head_of(k, sample, head), DType::kF32));
      if (sample == 0 || heads > 1 || v.dim(0) > 1)
        value_columns.weight = contiguous(head_of(v, sample, head).permute({1, 0}));
      for (int64_t first = 0; first < queries; first += strip) {
        const int64_t rows = std::min(strip, queries - first);
        Tensor weights = scores.slice(0, 0, rows);
        linear(head_of(q, sample, head).slice(0, first, rows), key_rows, {.scale = args.scale}, weights);
        Tensor bias;
        if (args.bias.defined()) bias = args.bias.select(0, sample).select(0, head).slice(0, first, rows);
        const struct {
          uint64_t scores, bias;
          uint32_t rows, keys, bias_row, seen;
        } push{.scores = address(weights),
               .bias = address(bias),
               .rows = number(rows),
               .keys = number(keys),
               .bias_row = bias.defined() ? number(bias.stride(0)) : 0,
               .seen = number(args.causal ? first + 1 : keys)};
        run(Shader::kSoftmax, {threads()}, push, rows);
        const Tensor to = head_of(out, sample, head).slice(0, first, rows);
        Tensor result = heads == 1 ? to : piece.slice(0, 0, rows);
        linear(weights, value_columns, {}, result);
        if (heads > 1) move(result, to);
      }
    }
}

void VulkanBackend::attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale,
                                       Tensor& out) const {
  const Tensor statistics({q.dim(0), heads, q.dim(1), 2}, DType::kF32, device_);
  struct {
    uint64_t q, k, statistics, result;
    uint32_t count, queries, keys, heads, width;
    float scale;
    uint32_t q_sample, q_row, k_sample, k_row;
  } push{.q = address(q),
         .k = address(k),
         .statistics = address(statistics),
         .result = address(out),
         .count = 0,
         .queries = number(q.dim(1)),
         .keys = number(k.dim(1)),
         .heads = number(heads),
         .width = number(q.dim(2) / heads),
         .scale = scale,
         .q_sample = number(q.stride(0)),
         .q_row = number(q.stride(1)),
         .k_sample = number(k.stride(0)),
         .k_row = number(k.stride(1))};
  const int64_t counts[] = {q.dim(0) * heads * q.dim(1), k.dim(0) * k.dim(1)};
  for (uint32_t phase = 0; phase < 2; ++phase) {
    push.count = number(counts[phase]);
    run(Shader::kAttentionReceived, {threads(), type_number(q.dtype()), phase}, push,
        ceil_div(counts[phase], threads()));
  }
}

}  // namespace easel::ops::vulkan
