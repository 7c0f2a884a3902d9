// Element types, and the 16-bit float bit patterns as value types.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace easel {

enum class DType : uint8_t { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool, kF8E4M3, kF8E5M2 };

// Bytes of one element.
size_t dtype_size(DType type);

// The name in safetensors files: "F32", "BF16", "F8_E4M3", ...
std::string_view dtype_name(DType type);

constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || t == DType::kF64 || t == DType::kF8E4M3 ||
         t == DType::kF8E5M2;
}

// bfloat16: the upper half of an f32. Conversion from f32 rounds to nearest even; NaN stays NaN.
struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  explicit BFloat16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>((u >> 16) | 0x40u)
                                           : static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

// IEEE half precision.
struct Half {
  uint16_t bits;
  Half() = default;
  explicit Half(float value);  // rounds to nearest even
  explicit operator float() const;
};

// OCP 8-bit floats (the "fn" form of E4M3: no infinities, 0x7f and 0xff are NaN).
float f8e4m3_to_float(uint8_t bits);
float f8e5m2_to_float(uint8_t bits);

}  // namespace easel
