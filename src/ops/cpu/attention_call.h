// One call of attention, and what follows from its shapes: shared by the kernels for vectors and for matrix registers.
#pragma once

#include "base/round.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/tiles/shapes.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

constexpr int64_t kQueries = 96;  // rows of a task

struct AttentionCall {
  const Tensor &q, &k, &v;  // [N,T,heads*width]
  Tensor& out;
  int64_t heads, width;
  float scale;
  bool causal;
  const float* bias = nullptr;  // [..,Tq,Tk] with these strides between heads and samples, or null
  int64_t bias_head = 0, bias_sample = 0;
};

// Sizes that follow from the call; lanes as in PanelTile.
struct AttentionSizes {
  explicit AttentionSizes(const AttentionCall& c)
      : k(kernels()),
        type(type_index(c.q.dtype())),
        tiles(k.tile_product[type] != nullptr),
        element(type == 1 ? 2 : 4),
        keys(c.k.dim(1)),
        head_lanes(c.width * element / 4),
        key_lanes(tiles ? round_up<int64_t>(head_lanes, kTileLanes) : head_lanes),
        value_lanes(round_up(keys * element / 4 + 1, k.vec)),
        columns(round_up(c.width, k.vec)),
        packed_keys(round_up(keys, k.vec) * key_lanes),
        packed_head(packed_keys + value_lanes * columns) {}

  const Kernels& k;
  size_t type;
  bool tiles;       // by matrix registers
  int64_t element;  // bytes
  int64_t keys;
  int64_t head_lanes;                // of a query or a key
  int64_t key_lanes;                 // depth of the product with the keys, zeros after head_lanes
  int64_t value_lanes;               // depth of the product with the values
  int64_t columns;                   // of the values, in whole vectors
  int64_t packed_keys, packed_head;  // floats
};

inline const char* head_of(const Tensor& t, int64_t sample, int64_t head, int64_t width, int64_t element) {
  return static_cast<const char*>(t.raw()) + (sample * t.stride(0) + head * width) * element;
}

// What softmax makes of 2^x: its powers are of two.
constexpr float kLog2e = 1.44269504f;

// Queries [first, first + kQueries) of one head with matrix registers. `packed`: the head's keys and values.
void attention_by_tiles(const AttentionCall& call, const AttentionSizes& sizes, const float* packed, int64_t sample,
                        int64_t head, int64_t first);

}  // namespace easel::ops::cpu
