// Attention with matrix registers: both products by the tile kernel, and the online softmax of a block of keys by the
// vector registers while the scores of the next block and the values of the one before are multiplied.
#include <algorithm>
#include <cmath>

#include "ops/cpu/attention_call.h"
#include "ops/cpu/product/tile_product.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kKeys = 320;                  // keys of a block: ten steps of the product with the values
constexpr int64_t kScoresStride = kKeys + 16;   // floats: an odd number of lines
constexpr int64_t kWeightsStride = kKeys + 32;  // bf16: the same
constexpr int64_t kStepKeys = 2 * kTileLanes;   // keys of one step
constexpr int64_t kGroups = kQueries / kTileRows;

class TileBlock {
 public:
  TileBlock(const AttentionCall& call, const AttentionSizes& sizes, const float* packed, int64_t sample, int64_t head,
            int64_t first)
      : c_(call),
        s_(sizes),
        session_(sizes.k),
        keys_(packed),
        values_(packed + sizes.packed_keys),
        sample_(sample),
        head_(head),
        first_(first),
        rows_(std::min(kQueries, call.q.dim(1) - first)),
        end_(call.causal ? std::min(sizes.keys, first + rows_) : sizes.keys) {
    const int64_t scores = kQueries * kScoresStride, weights = kQueries * kWeightsStride / 2;
    const int64_t outputs = kQueries * s_.columns;
    float* memory = thread_scratch<float>(ScratchUse::kSums, 2 * (scores + weights) + outputs + 4 * kQueries);
    for (int i = 0; i < 2; ++i, memory += scores + weights) {
      scores_[i] = memory;
      weights_[i] = reinterpret_cast<char*>(memory + scores);
    }
    outputs_ = memory;
    top_ = outputs_ + outputs;
    sum_ = top_ + kQueries;
    factors_[0] = sum_ + kQueries;
    factors_[1] = factors_[0] + kQueries;
  }

  void run() {
    stage_queries();
    std::fill_n(outputs_, rows_ * s_.columns, 0.0f);
    std::fill_n(top_, rows_, -1e30f);  // finite, so that a row of nothing but -infinity stays free of NaN
    std::fill_n(sum_, rows_, 0.0f);
    const int64_t calls_of_scores = ceil_div(kKeys, kStepKeys) * (s_.key_lanes / kTileLanes);
    const int64_t calls_of_values = kKeys / kStepKeys * ceil_div<int64_t>(s_.columns, 2 * s_.k.vec);
    const int64_t blocks = ceil_div<int64_t>(rows_, 2 * kTileRows);
    quota_ = ceil_div(rows_, blocks * (calls_of_scores + calls_of_values));
    score(0, false);
    int64_t last = 0;
    for (int64_t key = 0; key < end_; key += kKeys) {
      soft_key_ = last = key;
      next_row_ = 0;
      if (key + kKeys < end_) score(key + kKeys, true);
      if (key > 0) accumulate(key - kKeys, true);
      soften(rows_ - next_row_);
    }
    accumulate(last, false);
    char* out = static_cast<char*>(c_.out.raw()) +
                ((sample_ * c_.out.dim(1) + first_) * c_.out.dim(2) + head_ * c_.width) * s_.element;
    s_.k.finish_attention[s_.type]({outputs_, s_.columns, rows_, c_.width, sum_, out, c_.out.dim(2)});
  }

 private:
  // Queries side by side, completed with zeros to whole steps.
  void stage_queries() {
    const int64_t row = c_.q.stride(1) * s_.element, none = 0, steps = s_.key_lanes / kTileLanes;
    int64_t offsets[kQueries];
    for (int64_t r = 0; r < rows_; ++r) offsets[r] = r * row;
    constexpr int64_t kBlock = kTileRows * kTileRowBytes;
    queries_ = thread_scratch<char>(ScratchUse::kStaged, kGroups * steps * kBlock);
    s_.k.stage_rows({head_of(c_.q, sample_, head_, c_.width, s_.element) + first_ * row, offsets, &none, rows_, 1,
                     s_.head_lanes * 4, queries_});
    for (int64_t g = 0; g < kGroups; ++g) {
      query_group_[g] = g / 2 * steps * 2 * kBlock + g % 2 * kBlock;
      weight_group_[g] = g * kTileRows * kWeightsStride * 2;
    }
    const int64_t value_steps = kKeys / kStepKeys;
    query_step_ = thread_scratch<int64_t>(ScratchUse::kStagedTables, steps + value_steps);
    weight_step_ = query_step_ + steps;
    for (int64_t i = 0; i < steps; ++i) query_step_[i] = i * 2 * kBlock;
    for (int64_t i = 0; i < value_steps; ++i) weight_step_[i] = i * kTileRowBytes;
  }

  // Of the block from `key` on: scores, weights and factors are kept for two blocks.
  static int64_t turn(int64_t key) { return key / kKeys % 2; }
  int64_t keys_of(int64_t key) const { return std::min(kKeys, end_ - key); }
  // In whole steps of the product with the values, whose rows there are zeros.
  int64_t padded_keys(int64_t key) const { return round_up(keys_of(key), kStepKeys); }

  // Scores of keys [key, key + kKeys), meanwhile the softmax of the block before.
  void score(int64_t key, bool meanwhile) {
    TileProduct p{};
    p.state = session_.state();
    p.a = queries_;
    p.group_offset = query_group_;
    p.step_offset = query_step_;
    p.row_step = kTileRowBytes;
    p.rows = rows_;
    p.lanes = s_.key_lanes;
    p.vector_stride = s_.k.vec;
    p.out_stride = kScoresStride;
    if (meanwhile) p.meanwhile = soften_some;
    p.context = this;
    const int64_t keys = keys_of(key);
    for (int64_t j = 0; j < keys; j += s_.k.panel) {
      const int64_t vectors = ceil_div(std::min<int64_t>(s_.k.panel, s_.keys - key - j), s_.k.vec);
      const int64_t wanted = ceil_div(std::min<int64_t>(s_.k.panel, keys - j), s_.k.vec);  // fewer if causal
      p.weight_step = p.next_step = vectors * s_.k.vec;
      for (int64_t v = 0; v < wanted; v += 2) {
        p.vectors = std::min<int64_t>(2, wanted - v);
        p.weights = keys_ + (key + j) * s_.key_lanes + v * s_.k.vec;
        p.out = scores_[turn(key)] + j + v * s_.k.vec;
        p.next_weights = v + 2 < wanted ? p.weights + 2 * s_.k.vec : nullptr;
        p.next_lanes = p.lanes;
        s_.k.tile_product[s_.type](p);
      }
    }
  }

  static void soften_some(void* context) {
    auto& self = *static_cast<TileBlock*>(context);
    self.soften(std::min(self.quota_, self.rows_ - self.next_row_));
  }

  // From scores to weights, the next `rows` rows of the block at soft_key_.
  void soften(int64_t rows) {
    if (rows <= 0) return;
    const int64_t row = next_row_, keys = keys_of(soft_key_), padded = padded_keys(soft_key_);
    next_row_ += rows;
    float* scores = scores_[turn(soft_key_)] + row * kScoresStride;
    const bool scaled = c_.bias != nullptr || !(c_.scale > 0.0f);
    if (scaled) {
      const float* bias = nullptr;
      if (c_.bias)
        bias = c_.bias + sample_ * c_.bias_sample + head_ * c_.bias_head + (first_ + row) * s_.keys + soft_key_;
      s_.k.bias_scores({scores, kScoresStride, rows, keys, c_.scale, bias, s_.keys});
    }
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t seen = c_.causal ? std::clamp<int64_t>(first_ + row + r + 1 - soft_key_, 0, keys) : keys;
      if (seen < padded) std::fill(scores + r * kScoresStride + seen, scores + r * kScoresStride + padded, -INFINITY);
    }
    SoftmaxBlock block{};
    block.scores = scores;
    block.scores_stride = kScoresStride;
    block.rows = rows;
    block.keys = padded;
    block.c = scaled ? kLog2e : c_.scale * kLog2e;
    block.top = top_ + row;
    block.sum = sum_ + row;
    block.weights = weights_[turn(soft_key_)] + row * kWeightsStride * s_.element;
    block.weights_stride = kWeightsStride;
    block.factors = factors_[turn(soft_key_)] + row;  // the outputs may just be added to
    s_.k.softmax_block[s_.type](block);
  }

  // outputs = outputs * factors + weights x values of the block at `key`.
  void accumulate(int64_t key, bool meanwhile) {
    const float* factors = factors_[turn(key)];
    for (int64_t r = 0; r < rows_; ++r) {
      if (factors[r] == 1.0f) continue;  // the rule, after a few blocks
      float* row = outputs_ + r * s_.columns;
      for (int64_t i = 0; i < s_.columns; ++i) row[i] *= factors[r];
    }
    TileProduct p{};
    p.state = session_.state();
    if (meanwhile) p.meanwhile = soften_some;
    p.context = this;
    p.a = weights_[turn(key)];
    p.group_offset = weight_group_;
    p.step_offset = weight_step_;
    p.row_step = kWeightsStride * s_.element;
    p.rows = rows_;
    p.lanes = padded_keys(key) / 2;
    p.vector_stride = s_.k.vec;
    p.out_stride = s_.columns;
    p.accumulate = true;
    for (int64_t c = 0; c < s_.columns; c += s_.k.panel) {
      const int64_t vectors = std::min<int64_t>(s_.k.panel, s_.columns - c) / s_.k.vec;
      p.weight_step = p.next_step = vectors * s_.k.vec;
      for (int64_t v = 0; v < vectors; v += 2) {
        p.vectors = std::min<int64_t>(2, vectors - v);
        p.weights = values_ + c * s_.value_lanes + key / 2 * p.weight_step + v * s_.k.vec;
        p.out = outputs_ + c + v * s_.k.vec;
        p.next_weights = v + 2 < vectors ? p.weights + 2 * s_.k.vec : nullptr;
        p.next_lanes = p.lanes;
        s_.k.tile_product[s_.type](p);
      }
    }
  }

  const AttentionCall& c_;
  const AttentionSizes& s_;
  TileSession session_;
  const float *keys_, *values_;
  int64_t sample_, head_, first_, rows_;
  int64_t end_;                                      // of the keys that any of the queries sees
  int64_t soft_key_ = 0, next_row_ = 0, quota_ = 1;  // of the softmax: its block, and the first row that waits
  float *scores_[2], *factors_[2];
  char *weights_[2], *queries_ = nullptr;
  float *outputs_, *top_, *sum_;
  int64_t query_group_[kGroups], weight_group_[kGroups];
  int64_t *query_step_ = nullptr, *weight_step_ = nullptr;
};

}  // namespace

void attention_by_tiles(const AttentionCall& call, const AttentionSizes& sizes, const float* packed, int64_t sample,
                        int64_t head, int64_t first) {
  TileBlock(call, sizes, packed, sample, head, first).run();
}

}  // namespace easel::ops::cpu
