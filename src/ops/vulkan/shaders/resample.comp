#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// [N,H,W,C] with new rows and columns, each a weighted sum of old ones (ops/arithmetic/resample.h): for each tap along
// a column the sum over the rows, then the sum of those.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, result;
  uvec2 row_index, row_weight, column_index, column_weight;  // words [size, taps]; weights absent: 1
  uint count, height, width, channels, rows, columns, row_taps, column_taps;
  uint stride_n, stride_y, stride_x, stride_c;  // of x
} push;

void main() {
  const uint at = group() * THREADS + gl_LocalInvocationID.x;
  if (at >= push.count) return;
  const uint channel = at % push.channels, column = at / push.channels % push.columns,
             row = at / push.channels / push.columns % push.rows, sample_at = at / push.channels / push.columns / push.rows;
  float sum = 0.0;
  for (uint v = column * push.column_taps; v < (column + 1) * push.column_taps; ++v) {
    const uint from = sample_at * push.stride_n + Words(push.column_index).at[v] * push.stride_x + channel * push.stride_c;
    float line = 0.0;
    for (uint u = row * push.row_taps; u < (row + 1) * push.row_taps; ++u) {
      const float value = load(push.x, TYPE, from + Words(push.row_index).at[u] * push.stride_y);
      line += present(push.row_weight) ? value * Floats(push.row_weight).at[u] : value;
    }
    sum += present(push.column_weight) ? line * Floats(push.column_weight).at[v] : line;
  }
  store(push.result, TYPE, at, sum);
}
