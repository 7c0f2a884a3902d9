#include "memory.glsl"
#include "activation.glsl"

// A convolution over [N,H,W,C]; see window.glsl.
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
  uint fold;
} push;

#include "window.glsl"

int source(uint row, uint tap) {
  const ivec3 at = under(row, tap);
  if (at.x < 0) return -1;
  const uvec2 pixel = uvec2(at.yz) / push.enlarge;
  return int(uint(at.x) * push.stride_n + pixel.x * push.stride_y + pixel.y * push.stride_x);
}
