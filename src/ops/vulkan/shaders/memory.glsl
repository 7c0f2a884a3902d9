// Tensors are addresses: uvec2 holds the 64 bits of one. Element i lies i elements behind it.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require

// As in type_number().
const uint F32 = 0, F16 = 1, BF16 = 2;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer Shorts { uint16_t at[]; };

// Workgroups are dispatched as rows of rows, because devices limit the length of one.
uint group() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

bool present(uvec2 address) { return (address.x | address.y) != 0; }

// By bits, because drivers may flush what is below the normal numbers.
float from_half(uint bits) {
  const uint magnitude = bits & 0x7fffu, sign = (bits & 0x8000u) << 16;
  if (magnitude >= 0x7c00u) return uintBitsToFloat(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  if (magnitude < 0x400u) {
    const float value = float(magnitude) * 5.9604644775390625e-8;  // 2^-24
    return sign != 0 ? -value : value;
  }
  return uintBitsToFloat(sign | ((magnitude << 13) + 0x38000000u));
}

// To nearest, halves to even.
uint to_half(float value) {
  const uint bits = floatBitsToUint(value), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
  if (magnitude < 0x38800000u) return sign | uint(roundEven(uintBitsToFloat(magnitude) * 16777216.0));
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13);
}

float from_bf16(uint bits) { return uintBitsToFloat(bits << 16); }

uint to_bf16(float value) {
  const uint bits = floatBitsToUint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

float load(uvec2 from, uint type, uint i) {
  if (type == F32) return Floats(from).at[i];
  const uint bits = uint(Shorts(from).at[i]);
  return type == BF16 ? from_bf16(bits) : from_half(bits);
}

void store(uvec2 to, uint type, uint i, float value) {
  if (type == F32) Floats(to).at[i] = value;
  else Shorts(to).at[i] = uint16_t(type == BF16 ? to_bf16(value) : to_half(value));
}
