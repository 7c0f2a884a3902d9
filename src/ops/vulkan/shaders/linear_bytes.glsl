#include "memory.glsl"
#include "activation.glsl"

// linear.glsl for bytes.
layout(push_constant, std430) uniform Push {
  uvec2 x, scales, weight, weight_scales, weight_sums, bias, residual, result;
  uint rows, columns, depth;
  float scale;
} push;

int source(uint row, uint tap) { return int(row); }
uint target(uint row) { return row; }
float row_bias(uint row, uint column) { return 0.0; }
