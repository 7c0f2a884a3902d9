#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// The frequencies 0 and -1 along both sides of [N,H,W,C] multiplied by a factor (Si et al. 2023, FreeU, eq. 5): a thread
// for each channel of each sample finds them, then adds what they change. Cosines and sines come from the host, since
// the device's may be good to three digits only.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, result;
  uvec2 row_waves, column_waves;  // f32 [H,2] and [W,2]: cos and sin of 2 pi i / size
  uint count, height, width, channels;
  uint stride_n, stride_y, stride_x, stride_c;  // of x
  float change;                                 // (factor - 1) / pixels
} push;

vec2 product(vec2 a, vec2 b) { return vec2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
vec2 wave(uvec2 of, uint frequency, uint i) {
  return frequency == 0 ? vec2(1.0, 0.0) : vec2(Floats(of).at[2 * i], Floats(of).at[2 * i + 1]);
}

void main() {
  const uint at = group() * THREADS + gl_LocalInvocationID.x;
  if (at >= push.count) return;
  const uint sample_at = at / push.channels, channel = at % push.channels;
  const uint from = sample_at * push.stride_n + channel * push.stride_c;
  // Along a side of one pixel there is only the frequency 0.
  const uint rows = min(2, push.height), columns = min(2, push.width);
  vec2 found[4];
  for (uint i = 0; i < 4; ++i) found[i] = vec2(0.0);
  for (uint y = 0; y < push.height; ++y) {
    vec2 line[2];
    line[0] = line[1] = vec2(0.0);
    for (uint x = 0; x < push.width; ++x) {
      const float value = load(push.x, TYPE, from + y * push.stride_y + x * push.stride_x);
      for (uint v = 0; v < columns; ++v) line[v] += value * wave(push.column_waves, v, x);
    }
    for (uint u = 0; u < rows; ++u)
      for (uint v = 0; v < columns; ++v) found[2 * u + v] += product(line[v], wave(push.row_waves, u, y));
  }
  for (uint y = 0; y < push.height; ++y)
    for (uint x = 0; x < push.width; ++x) {
      float sum = load(push.x, TYPE, from + y * push.stride_y + x * push.stride_x);
      for (uint u = 0; u < rows; ++u)
        for (uint v = 0; v < columns; ++v) {
          const vec2 back = product(wave(push.row_waves, u, y), wave(push.column_waves, v, x));
          sum += push.change * dot(found[2 * u + v], back);
        }
      store(push.result, TYPE, ((sample_at * push.height + y) * push.width + x) * push.channels + channel, sum);
    }
}
