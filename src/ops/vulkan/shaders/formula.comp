#version 450
#extension GL_GOOGLE_include_directive : require
#include "memory.glsl"

// A formula (ops/arithmetic/formula.h) for every element. Its steps are specialisation constants, so that the driver
// compiles it like code; its numbers are read from memory, so that another step of a sampler is no other pipeline.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint RANK = 1;
layout(constant_id = 2) const uint INPUTS = 1;
layout(constant_id = 3) const uint RESULT = 0;      // the place of the number that the formula gives
layout(constant_id = 4) const uint TYPES = 0;       // two bits for each input, as in memory.glsl; 3: not used
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const uint STEPS = 0;
layout(constant_id = 7) const uint STEP_0 = 0;
layout(constant_id = 8) const uint STEP_1 = 0;
layout(constant_id = 9) const uint STEP_2 = 0;
layout(constant_id = 10) const uint STEP_3 = 0;
layout(constant_id = 11) const uint STEP_4 = 0;
layout(constant_id = 12) const uint STEP_5 = 0;
layout(constant_id = 13) const uint STEP_6 = 0;
layout(constant_id = 14) const uint STEP_7 = 0;
layout(constant_id = 15) const uint STEP_8 = 0;
layout(constant_id = 16) const uint STEP_9 = 0;
layout(constant_id = 17) const uint STEP_10 = 0;
layout(constant_id = 18) const uint STEP_11 = 0;
layout(constant_id = 19) const uint STEP_12 = 0;
layout(constant_id = 20) const uint STEP_13 = 0;
layout(constant_id = 21) const uint STEP_14 = 0;
layout(constant_id = 22) const uint STEP_15 = 0;
layout(constant_id = 23) const uint STEP_16 = 0;
layout(constant_id = 24) const uint STEP_17 = 0;
layout(constant_id = 25) const uint STEP_18 = 0;
layout(constant_id = 26) const uint STEP_19 = 0;
layout(constant_id = 27) const uint STEP_20 = 0;
layout(constant_id = 28) const uint STEP_21 = 0;
layout(constant_id = 29) const uint STEP_22 = 0;
layout(constant_id = 30) const uint STEP_23 = 0;
layout(constant_id = 31) const uint STEP_24 = 0;
layout(constant_id = 32) const uint STEP_25 = 0;
layout(constant_id = 33) const uint STEP_26 = 0;
layout(constant_id = 34) const uint STEP_27 = 0;
layout(constant_id = 35) const uint STEP_28 = 0;
layout(constant_id = 36) const uint STEP_29 = 0;
layout(constant_id = 37) const uint STEP_30 = 0;
layout(constant_id = 38) const uint STEP_31 = 0;
layout(constant_id = 39) const uint STEP_32 = 0;
layout(constant_id = 40) const uint STEP_33 = 0;
layout(constant_id = 41) const uint STEP_34 = 0;
layout(constant_id = 42) const uint STEP_35 = 0;
layout(constant_id = 43) const uint STEP_36 = 0;
layout(constant_id = 44) const uint STEP_37 = 0;
layout(constant_id = 45) const uint STEP_38 = 0;
layout(constant_id = 46) const uint STEP_39 = 0;
// A step: its operation, and the places a, b and c of what it takes, a byte each.

const uint MOST_INPUTS = 8, MOST_STEPS = 40;

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Call {
  uvec2 inputs[MOST_INPUTS];
  uint shape[6], result_stride[6];
  uint input_stride[6 * MOST_INPUTS];
  float constants[MOST_STEPS];
};

layout(push_constant, std430) uniform Push {
  Call call;
  uvec2 result;
  uint count;
} push;

float places[MOST_INPUTS + MOST_STEPS];

// Operations in the order of Formula::Op.
void carry_out(uint at, uint step) {
  if (at >= STEPS) return;
  const float a = places[(step >> 8) & 0xff], b = places[(step >> 16) & 0xff], c = places[step >> 24];
  precise float y = 0.0;  // each step rounds by itself
  switch (step & 0xff) {
    case 0: y = push.call.constants[at]; break;
    case 1: y = a + b; break;
    case 2: y = a - b; break;
    case 3: y = a * b; break;
    case 4: y = a / b; break;
    case 5: y = b < a ? b : a; break;
    case 6: y = a < b ? b : a; break;
    case 7: y = sqrt(a); break;
    case 8: y = roundEven(a); break;
    case 9: y = exp(a); break;
    case 10: y = log(a); break;
    case 11: y = a > b ? 1.0 : 0.0; break;
    case 12: y = a >= b ? 1.0 : 0.0; break;
    case 13: y = a == b ? 1.0 : 0.0; break;
    case 14: y = a != 0.0 ? b : c; break;
  }
  places[INPUTS + at] = y;
}

void main() {
  const uint element = group() * THREADS + gl_LocalInvocationID.x;
  if (element >= push.count) return;
  uint result = 0, rest = element;
  uint at[MOST_INPUTS];
  [[unroll]] for (uint i = 0; i < MOST_INPUTS; ++i) at[i] = 0;
  [[unroll]] for (uint d = RANK; d-- > 0;) {
    const uint here = d == 0 ? rest : rest % push.call.shape[d];
    rest /= push.call.shape[d];
    result += here * push.call.result_stride[d];
    [[unroll]] for (uint i = 0; i < INPUTS; ++i) at[i] += here * push.call.input_stride[6 * i + d];
  }
  [[unroll]] for (uint i = 0; i < INPUTS; ++i) {
    const uint type = (TYPES >> (2 * i)) & 3;
    places[i] = type == 3 ? 0.0 : load(push.call.inputs[i], type, at[i]);
  }
  carry_out(0, STEP_0); carry_out(1, STEP_1); carry_out(2, STEP_2); carry_out(3, STEP_3);
  carry_out(4, STEP_4); carry_out(5, STEP_5); carry_out(6, STEP_6); carry_out(7, STEP_7);
  carry_out(8, STEP_8); carry_out(9, STEP_9); carry_out(10, STEP_10); carry_out(11, STEP_11);
  carry_out(12, STEP_12); carry_out(13, STEP_13); carry_out(14, STEP_14); carry_out(15, STEP_15);
  carry_out(16, STEP_16); carry_out(17, STEP_17); carry_out(18, STEP_18); carry_out(19, STEP_19);
  carry_out(20, STEP_20); carry_out(21, STEP_21); carry_out(22, STEP_22); carry_out(23, STEP_23);
  carry_out(24, STEP_24); carry_out(25, STEP_25); carry_out(26, STEP_26); carry_out(27, STEP_27);
  carry_out(28, STEP_28); carry_out(29, STEP_29); carry_out(30, STEP_30); carry_out(31, STEP_31);
  carry_out(32, STEP_32); carry_out(33, STEP_33); carry_out(34, STEP_34); carry_out(35, STEP_35);
  carry_out(36, STEP_36); carry_out(37, STEP_37); carry_out(38, STEP_38); carry_out(39, STEP_39);
  store(push.result, RESULT_TYPE, result, places[RESULT]);
}
