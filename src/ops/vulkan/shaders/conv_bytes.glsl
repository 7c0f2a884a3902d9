#include "memory.glsl"
#include "activation.glsl"

// conv.glsl for bytes, over a contiguous map [N,H,W] of quantised pixels.
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
  uint fold;
} push;

#include "window.glsl"

int source(uint row, uint tap) {
  const ivec3 at = under(row, tap);
  if (at.x < 0) return -1;
  const uvec2 small = uvec2(push.height, push.width) / push.enlarge, pixel = uvec2(at.yz) / push.enlarge;
  return int((uint(at.x) * small.x + pixel.x) * small.y + pixel.y);
}
