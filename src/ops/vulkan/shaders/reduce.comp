#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// Sums, means and extremes of x [outer, reduced, inner] over the middle: LANES threads to a result, so that a long sum
// and many short ones both fill the device. Sums carry their rounding errors along (Kahan 1965).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint LANES = 1;
layout(constant_id = 2) const uint TYPE = 0;
layout(constant_id = 3) const uint HOW = 0;  // in the order of ops::Reduction

layout(push_constant, std430) uniform Push {
  uvec2 x, result;
  uint count, reduced, inner;
} push;

const uint SUM = 0, MEAN = 1, MIN = 2, MAX = 3;
shared float partial[THREADS];

float joined(float a, float b) { return HOW == MIN ? (b < a ? b : a) : HOW == MAX ? (a < b ? b : a) : a + b; }

void main() {
  const uint thread = gl_LocalInvocationID.x, lane = thread % LANES;
  const uint result = group() * (THREADS / LANES) + thread / LANES;
  float value = HOW == MIN ? 3.402823466e38 : HOW == MAX ? -3.402823466e38 : 0.0;
  if (result < push.count) {
    const uint at = result / push.inner * push.reduced * push.inner + result % push.inner;
    precise float lost = 0.0;
    for (uint i = lane; i < push.reduced; i += LANES) {
      const float next = load(push.x, TYPE, at + i * push.inner);
      if (HOW == MIN || HOW == MAX) {
        value = i == lane ? next : joined(value, next);
      } else {
        precise float wanted = next - lost;
        precise float sum = value + wanted;
        lost = (sum - value) - wanted;
        value = sum;
      }
    }
  }
  partial[thread] = value;
  for (uint half_of = LANES / 2; half_of > 0; half_of /= 2) {
    barrier();
    if (lane < half_of) partial[thread] = joined(partial[thread], partial[thread + half_of]);
  }
  barrier();
  if (lane == 0 && result < push.count)
    Floats(push.result).at[result] = HOW == MEAN ? partial[thread] / float(push.reduced) : partial[thread];
}
