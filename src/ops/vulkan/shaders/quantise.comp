#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// Rows as bytes, four to a word: value = scale * byte + centre. WEIGHTS: symmetric about 0, so the centre is 0; else from
// the row's lowest value to its highest. A workgroup for each row. SUMS: afterwards, the sum of the bytes of each part of
// a row, which is what a centre of the input is multiplied with; a thread for each part.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint TYPE = 0;
layout(constant_id = 2) const uint WEIGHTS = 0;
layout(constant_id = 3) const uint SUMS = 0;

layout(push_constant, std430) uniform Push {
  uvec2 x, words, scales;  // words [rows][(depth + 3) / 4]; f32 [rows][2]: scale, centre; with SUMS int [count]
  uint rows, depth, stride;  // stride: from one row of x to the next
  uint count, part;          // with SUMS: parts in all, words of each
} push;

shared float lowest[THREADS], highest[THREADS];

void main() {
  const uint thread = gl_LocalInvocationID.x;
  if (SUMS != 0) {
    const uint at = group() * THREADS + thread;
    if (at >= push.count) return;
    int sum = 0;
    for (uint i = 0; i < push.part; ++i) {
      const int word = int(Words(push.words).at[at * push.part + i]);
      sum += bitfieldExtract(word, 0, 8) + bitfieldExtract(word, 8, 8) + bitfieldExtract(word, 16, 8) + (word >> 24);
    }
    Words(push.scales).at[at] = uint(sum);
    return;
  }
  if (group() >= push.rows) return;  // for the whole workgroup
  const uint from = group() * push.stride;
  float low = 3.4e38, high = -3.4e38;
  for (uint i = thread; i < push.depth; i += THREADS) {
    const float value = load(push.x, TYPE, from + i);
    low = min(low, value);
    high = max(high, value);
  }
  lowest[thread] = low;
  highest[thread] = high;
  for (uint half_of = THREADS / 2; half_of > 0; half_of /= 2) {
    barrier();
    if (thread < half_of) {
      lowest[thread] = min(lowest[thread], lowest[thread + half_of]);
      highest[thread] = max(highest[thread], highest[thread + half_of]);
    }
  }
  barrier();
  low = lowest[0];
  high = highest[0];
  const float scale = WEIGHTS != 0 ? max(abs(low), abs(high)) / 127.0 : (high - low) / 255.0;
  const float inverse = scale > 0.0 ? 1.0 / scale : 0.0;
  const uint words = (push.depth + 3) / 4;
  for (uint w = thread; w < words; w += THREADS) {
    uint word = 0;
    for (uint b = 0; b < 4 && 4 * w + b < push.depth; ++b) {
      const float value = load(push.x, TYPE, from + 4 * w + b);
      const float whole = WEIGHTS != 0 ? roundEven(value * inverse) : roundEven((value - low) * inverse) - 128.0;
      word |= (uint(int(clamp(whole, -128.0, 127.0))) & 0xffu) << (8 * b);
    }
    Words(push.words).at[group() * words + w] = word;
  }
  if (thread == 0) {
    Floats(push.scales).at[2 * group()] = scale;
    Floats(push.scales).at[2 * group() + 1] = WEIGHTS != 0 ? 0.0 : low + 128.0 * scale;
  }
}
