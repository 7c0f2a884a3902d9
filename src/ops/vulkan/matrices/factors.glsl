// What the factors of a cooperative matrix are. bf16's values are taken as they are where the device has matrices of bf16
// (BF16_FACTORS, VK_KHR_shader_bfloat16). Elsewhere they become f16, which holds their digits but not their range: what
// is brought into shared memory at once, if its largest magnitude is not moderate, is brought again times a power of
// two, and what was computed with it is divided by that.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#ifdef BF16_FACTORS
#extension GL_EXT_bfloat16 : require
#define FACTOR bfloat16_t
#else
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define FACTOR float16_t
#endif

// Below the first, many values would have fewer digits in f16 than in bf16.
const float MODERATE = 0.0078125, LARGE = 32768.0;

// Twos by which values must be multiplied so that the largest is below LARGE and little of the others is lost. Its own
// exponent and that of its inverse are those of normal numbers.
int twos_for(float largest) {
#ifdef BF16_FACTORS
  return 0;
#else
  if (largest == 0.0 || (largest >= MODERATE && largest <= LARGE)) return 0;
  return 14 - clamp(int(floatBitsToUint(largest) >> 23) - 127, -112, 127);
#endif
}

float power_of_two(int exponent) { return uintBitsToFloat(uint(127 + exponent) << 23); }
