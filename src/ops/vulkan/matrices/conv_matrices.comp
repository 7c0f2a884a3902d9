#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/memory.glsl"
#include "../shaders/activation.glsl"

// A convolution over [N,H,W,C] as a product whose rows are the pixels of the result: what lies under the kernel is read
// from the map itself, also where the map is enlarged first; see matrix_tiles.glsl.
layout(push_constant, std430) uniform Push {
  uvec2 x, weight, bias, residual, result;
  uvec2 channel_bias;  // f32 [N, columns], added to every pixel of a sample
  uint rows, columns, depth;
  float scale;
  uint stride_n, stride_y, stride_x;  // of x
  int height, width;                  // of x, enlarged
  uint out_height, out_width;
  uint kernel, step;  // side of the kernel, stride of the convolution
  int pad;
  uint enlarge;  // 1, or 2 where each pixel of x counts as four
} push;

int source(uint row, uint tap) {
  const uint pixels = push.out_height * push.out_width, sample_at = row / pixels, pixel = row % pixels;
  const int y = int(pixel / push.out_width * push.step + tap / push.kernel) - push.pad;
  const int x = int(pixel % push.out_width * push.step + tap % push.kernel) - push.pad;
  if (y < 0 || x < 0 || y >= push.height || x >= push.width) return -1;
  return int(sample_at * push.stride_n + uint(y) / push.enlarge * push.stride_y + uint(x) / push.enlarge * push.stride_x);
}

float row_bias(uint row, uint column) {
  if (!present(push.channel_bias)) return 0.0;
  return Floats(push.channel_bias).at[row / (push.out_height * push.out_width) * push.columns + column];
}

#include "matrix_tiles.glsl"

void main() { multiply(); }
