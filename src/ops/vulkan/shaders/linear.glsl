#include "memory.glsl"
#include "activation.glsl"

// result[rows, columns] = scale * activation(x W^T + bias) + residual.
layout(push_constant, std430) uniform Push {
  uvec2 x, weight, bias, residual, result;
  uint rows, columns, depth;
  float scale;
  uint stride;  // from one row of x to the next
} push;

int source(uint row, uint tap) { return int(row * push.stride); }
uint target(uint row) { return row; }
float row_bias(uint row, uint column) { return 0.0; }
