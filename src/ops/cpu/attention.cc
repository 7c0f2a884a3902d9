// Attention as two products with the panel kernel and an online softmax between them, over blocks of queries and keys
// that stay in the L2 cache. Milakov & Gimelshein 2018.
#include "ops/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "ops/cpu/attention_call.h"
#include "ops/cpu/scratch.h"
#include "tensor/host_memory.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kKeys = 512;  // in a block

// One block of queries of one head.
class Block {
 public:
  Block(const AttentionCall& call, const AttentionSizes& sizes, const float* packed, int64_t sample, int64_t head,
        int64_t first)
      : c_(call),
        s_(sizes),
        keys_(packed),
        values_(packed + sizes.packed_keys),
        sample_(sample),
        head_(head),
        first_(first),
        rows_(std::min(kQueries, call.q.dim(1) - first)) {
    const int64_t scores = kQueries * kKeys, outputs = kQueries * s_.columns;
    scores_ = thread_scratch<float>(ScratchUse::kSums, 2 * scores + outputs + 2 * kQueries);
    weights_ = scores_ + scores;
    outputs_ = weights_ + scores;
    top_ = outputs_ + outputs;
    sum_ = top_ + kQueries;
  }

  void run() {
    std::fill_n(outputs_, rows_ * s_.columns, 0.0f);
    std::fill_n(top_, rows_, -1e30f);  // finite, so that a row whose scores are all -infinity gives no NaN
    std::fill_n(sum_, rows_, 0.0f);
    const int64_t end = c_.causal ? std::min(s_.keys, first_ + rows_) : s_.keys;
    for (int64_t key = 0; key < end; key += kKeys) {
      const int64_t keys = std::min(kKeys, s_.keys - key);
      score(key, keys);
      const bool scaled = c_.bias != nullptr || !(c_.scale > 0.0f);
      mask(key, keys, scaled);
      const SoftmaxBlock block{.scores = scores_,
                               .scores_stride = kKeys,
                               .rows = rows_,
                               .keys = round_up(keys, s_.k.vec),
                               .c = scaled ? kLog2e : c_.scale * kLog2e,
                               .top = top_,
                               .sum = sum_,
                               .weights = weights_,
                               .weights_stride = kKeys,
                               .outputs = outputs_,
                               .outputs_stride = s_.columns,
                               .outputs_width = s_.columns};
      s_.k.softmax_block[s_.type](block);
      accumulate(key, keys);
    }
    char* out = static_cast<char*>(c_.out.raw()) +
                ((sample_ * c_.out.dim(1) + first_) * c_.out.dim(2) + head_ * c_.width) * s_.element;
    s_.k.finish_attention[s_.type]({.outputs = outputs_,
                                    .outputs_stride = s_.columns,
                                    .rows = rows_,
                                    .columns = c_.width,
                                    .sum = sum_,
                                    .out = out,
                                    .out_stride = c_.out.dim(2)});
  }

 private:
  // scores = queries x keys [key, key + keys).
  void score(int64_t key, int64_t keys) {
    const int64_t none = 0, row = c_.q.stride(1) * s_.element;
    PanelTile tile{.a = head_of(c_.q, sample_, head_, c_.width, s_.element) + first_ * row,
                   .tap_offset = &none,
                   .taps = 1,
                   .lanes = s_.key_lanes,
                   .out_stride = kKeys,
                   .accumulate = false};
    for (int64_t j = 0; j < keys; j += s_.k.panel) {
      const int64_t vectors = ceil_div(std::min<int64_t>(s_.k.panel, keys - j), s_.k.vec);
      tile.weights = keys_ + (key + j) * s_.key_lanes;
      multiply(tile, row, vectors, scores_ + j);
    }
  }

  void mask(int64_t key, int64_t keys, bool scaled) {
    if (scaled) {
      const float* bias = nullptr;
      if (c_.bias) bias = c_.bias + sample_ * c_.bias_sample + head_ * c_.bias_head + first_ * s_.keys + key;
      s_.k.bias_scores({.scores = scores_,
                        .scores_stride = kKeys,
                        .rows = rows_,
                        .keys = keys,
                        .scale = c_.scale,
                        .bias = bias,
                        .bias_stride = s_.keys});
    }
    const int64_t padded = round_up(keys, s_.k.vec);
    for (int64_t r = 0; r < rows_; ++r) {
      const int64_t seen = c_.causal ? std::clamp<int64_t>(first_ + r + 1 - key, 0, keys) : keys;
      if (seen < padded) std::fill(scores_ + r * kKeys + seen, scores_ + r * kKeys + padded, -INFINITY);
    }
  }

  // outputs += weights x values [key, key + keys).
  void accumulate(int64_t key, int64_t keys) {
    const int64_t none = 0, per_lane = 4 / s_.element;
    // The last lane of bf16 is half of a pair where there are pairs: the other one's values are zero, as its weights.
    const int64_t lanes = round_up<int64_t>(ceil_div(keys, per_lane), s_.k.pair_lanes && per_lane == 2 ? 2 : 1);
    PanelTile tile{.a = reinterpret_cast<const char*>(weights_),
                   .tap_offset = &none,
                   .taps = 1,
                   .lanes = lanes,
                   .out_stride = s_.columns,
                   .accumulate = true};
    for (int64_t c = 0; c < s_.columns; c += s_.k.panel) {
      const int64_t vectors = std::min<int64_t>(s_.k.panel, s_.columns - c) / s_.k.vec;
      tile.weights = values_ + c * s_.value_lanes + key / per_lane * vectors * s_.k.vec;
      multiply(tile, kKeys * s_.element, vectors, outputs_ + c);
    }
  }

  void multiply(PanelTile& tile, int64_t row_bytes, int64_t vectors, float* out) const {
    for (int64_t r = 0; r < rows_; r += kMaxTileRows) {
      const int64_t rows = std::min<int64_t>(kMaxTileRows, rows_ - r);
      int64_t offsets[kMaxTileRows];
      for (int64_t i = 0; i < rows; ++i) offsets[i] = (r + i) * row_bytes;
      tile.row_offset = offsets;
      tile.out = out + r * tile.out_stride;
      s_.k.panel_tile[s_.type][rows - 1][vectors - 1](tile);
    }
  }

  const AttentionCall& c_;
  const AttentionSizes& s_;
  const float *keys_, *values_;
  int64_t sample_, head_, first_, rows_;
  float *scores_, *weights_, *outputs_, *top_, *sum_;
};

void run(const AttentionCall& c) {
  const AttentionSizes s(c);
  const int64_t key_samples = c.k.dim(0), blocks = ceil_div(c.q.dim(1), kQueries);
  const Tensor packed({key_samples * c.heads * s.packed_head});
  float* memory = const_cast<float*>(packed.f32());
  parallel_tasks(key_samples * c.heads, [&](int64_t task) {
    const int64_t sample = task / c.heads, head = task % c.heads;
    float* to = memory + task * s.packed_head;
    s.k.pack_keys[s.type]({.from = head_of(c.k, sample, head, c.width, s.element),
                           .stride = c.k.stride(1),
                           .keys = s.keys,
                           .lanes = s.head_lanes,
                           .to = to,
                           .padding = s.key_lanes - s.head_lanes});
    s.k.pack_values[s.type]({.from = head_of(c.v, sample, head, c.width, s.element),
                             .stride = c.v.stride(1),
                             .keys = s.keys,
                             .columns = c.width,
                             .lanes = s.value_lanes,
                             .to = to + s.packed_keys});
  });
  parallel_tasks(c.q.dim(0) * c.heads * blocks, [&](int64_t task) {
    const int64_t block = task % blocks, head = task / blocks % c.heads, sample = task / (blocks * c.heads);
    const int64_t keys = (key_samples == 1 ? 0 : sample) * c.heads + head;
    const float* head_memory = memory + keys * s.packed_head;
    if (s.tiles) attention_by_tiles(c, s, head_memory, sample, head, block * kQueries);
    else Block(c, s, head_memory, sample, head, block * kQueries).run();
  });
}

}  // namespace

void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
               Tensor& out) {
  const int64_t width = q.dim(2) / heads;
  if (q.dtype() == DType::kBF16 && width % 2 != 0) {  // the kernels read bf16 in pairs
    Tensor wide(out.shape());
    attention(convert(q, DType::kF32), convert(k, DType::kF32), convert(v, DType::kF32), heads, args, wide);
    host_memory().convert(wide, out);
    return;
  }
  AttentionCall call{
      .q = q, .k = k, .v = v, .out = out, .heads = heads, .width = width, .scale = args.scale, .causal = args.causal};
  if (args.bias.defined()) {
    call.bias = args.bias.f32();
    call.bias_sample = args.bias.stride(0);
    call.bias_head = args.bias.stride(1);
  }
  run(call);
}

}  // namespace easel::ops::cpu
