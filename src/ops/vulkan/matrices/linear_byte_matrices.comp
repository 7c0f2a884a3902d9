#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/memory.glsl"
#include "../shaders/activation.glsl"

// linear_bytes.comp on cooperative matrices; see byte_matrix_tiles.glsl.
layout(push_constant, std430) uniform Push {
  uvec2 x, scales, weight, weight_scales, weight_sums, bias, residual, result;
  uint rows, columns, depth;
  float scale;
} push;

int source(uint row, uint tap) { return int(row); }
float row_bias(uint row, uint column) { return 0.0; }

#include "byte_matrix_tiles.glsl"

void main() { multiply(); }
