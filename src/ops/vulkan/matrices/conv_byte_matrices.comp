#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/memory.glsl"
#include "../shaders/activation.glsl"

// conv_bytes.comp on cooperative matrices, over a contiguous map [N,H,W] of quantised pixels; see byte_matrix_tiles.glsl.
layout(push_constant, std430) uniform Push {
  uvec2 x, scales, weight, weight_scales, weight_sums, bias, residual, result;
  uvec2 channel_bias;
  uint rows, columns, depth;
  float scale;
  int height, width;  // of x, enlarged
  uint out_height, out_width;
  uint kernel, step;
  int pad;
  uint enlarge;
} push;

int source(uint row, uint tap) {
  const uint pixels = push.out_height * push.out_width, sample_at = row / pixels, pixel = row % pixels;
  const int y = int(pixel / push.out_width * push.step + tap / push.kernel) - push.pad;
  const int x = int(pixel % push.out_width * push.step + tap % push.kernel) - push.pad;
  if (y < 0 || x < 0 || y >= push.height || x >= push.width) return -1;
  const uint height = uint(push.height) / push.enlarge, width = uint(push.width) / push.enlarge;
  return int((sample_at * height + uint(y) / push.enlarge) * width + uint(x) / push.enlarge);
}

float row_bias(uint row, uint column) {
  if (!present(push.channel_bias)) return 0.0;
  return Floats(push.channel_bias).at[row / (push.out_height * push.out_width) * push.columns + column];
}

#include "byte_matrix_tiles.glsl"

void main() { multiply(); }
