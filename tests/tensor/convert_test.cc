// Conversions between element types.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/tensor.h"

namespace easel {
namespace {

Tensor raw_tensor(DType type, const std::vector<uint8_t>& bytes) {
  Tensor t({static_cast<int64_t>(bytes.size() / dtype_size(type))}, type);
  std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(t.raw()));
  return t;
}

std::vector<float> floats(const Tensor& t) {
  const Tensor f = convert(t, DType::kF32);
  return {f.f32(), f.f32() + f.numel()};
}

TEST(Convert, EveryTypeToF32) {
  EXPECT_EQ(floats(raw_tensor(DType::kF64, {0, 0, 0, 0, 0, 0, 0x04, 0xc0})), std::vector<float>{-2.5f});
  EXPECT_EQ(floats(raw_tensor(DType::kI64, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})), std::vector<float>{-1});
  EXPECT_EQ(floats(raw_tensor(DType::kI32, {1, 1, 0, 0})), std::vector<float>{257});
  EXPECT_EQ(floats(raw_tensor(DType::kI16, {0xfe, 0xff})), std::vector<float>{-2});
  EXPECT_EQ(floats(raw_tensor(DType::kI8, {0x80, 5})), (std::vector<float>{-128, 5}));
  EXPECT_EQ(floats(raw_tensor(DType::kU8, {0x80, 5})), (std::vector<float>{128, 5}));
  EXPECT_EQ(floats(raw_tensor(DType::kBool, {1, 0})), (std::vector<float>{1, 0}));
  EXPECT_EQ(floats(raw_tensor(DType::kBF16, {0x20, 0xc0})), std::vector<float>{-2.5f});
  // The smallest and the largest of both 8-bit kinds (OCP, tables 1 and 2).
  EXPECT_EQ(floats(raw_tensor(DType::kF8E4M3, {0x01, 0x7e, 0xfe, 0x38})), (std::vector<float>{0x1p-9f, 448, -448, 1}));
  EXPECT_EQ(floats(raw_tensor(DType::kF8E5M2, {0x01, 0x7b, 0xfb, 0x3c})),
            (std::vector<float>{0x1p-16f, 57344, -57344, 1}));
  EXPECT_TRUE(std::isnan(f8e4m3_to_float(0x7f)));
  EXPECT_TRUE(std::isinf(f8e5m2_to_float(0x7c)));
}

// Every half, one by one and in rows long enough for the vector code, there and back again.
TEST(Convert, HalvesThereAndBack) {
  Tensor halves({65536}, DType::kF16);
  for (uint32_t i = 0; i < 65536; ++i) halves.data<Half>()[i].bits = static_cast<uint16_t>(i);
  const Tensor wide = convert(halves, DType::kF32), back = convert(wide, DType::kF16);
  for (uint32_t i = 0; i < 65536; ++i) {
    const Half h = halves.data<Half>()[i];
    const float f = wide.f32()[i];
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(h)));
      EXPECT_TRUE(std::isnan(static_cast<float>(back.data<Half>()[i])));
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(static_cast<float>(h)), std::bit_cast<uint32_t>(f)) << i;
    ASSERT_EQ(back.data<Half>()[i].bits, h.bits) << i;
  }
}

TEST(Convert, RoundsToTheNearestEven) {
  const auto half = [](float f) { return static_cast<float>(Half(f)); };
  EXPECT_EQ(half(2049.0f), 2048.0f);
  EXPECT_EQ(half(2051.0f), 2052.0f);
  EXPECT_EQ(half(65519.0f), 65504.0f);
  EXPECT_EQ(half(65520.0f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(half(0x1.8p-24f), 0x1p-23f);
  EXPECT_EQ(half(0x1p-25f), 0.0f);
  EXPECT_EQ(half(-0x1p-24f), -0x1p-24f);
  const auto bf16 = [](float f) { return static_cast<float>(BFloat16(f)); };
  EXPECT_EQ(bf16(257.0f), 256.0f);
  EXPECT_EQ(bf16(259.0f), 260.0f);
  EXPECT_EQ(bf16(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(bf16(std::bit_cast<float>(0x7f800001u))));
}

TEST(Convert, StridedTensorsOfEveryWidth) {
  for (const DType type : {DType::kU8, DType::kF16, DType::kF32, DType::kF64}) {
    Tensor t({3, 5}, type);
    auto* bytes = static_cast<uint8_t*>(t.raw());
    for (size_t i = 0; i < t.nbytes(); ++i) bytes[i] = static_cast<uint8_t>(i / dtype_size(type));
    const Tensor turned = contiguous(t.permute({1, 0}));
    const auto* out = static_cast<const uint8_t*>(turned.raw());
    for (int64_t i = 0; i < 15; ++i)
      EXPECT_EQ(out[static_cast<size_t>(i) * dtype_size(type)], i % 3 * 5 + i / 3) << dtype_name(type);
  }
  Tensor wide({2, 3000});  // longer than the buffer conversions go through
  for (int64_t i = 0; i < wide.numel(); ++i) wide.f32()[i] = static_cast<float>(i % 2048);
  const Tensor narrow = convert(wide.permute({1, 0}), DType::kBF16);
  EXPECT_EQ(narrow.shape(), (Shape{3000, 2}));
  EXPECT_EQ(static_cast<float>(narrow.data<BFloat16>()[2 * 100 + 1]),
            static_cast<float>(BFloat16((3000 + 100) % 2048)));
}

TEST(Convert, OnlyToFloats) { EXPECT_THROW(convert(Tensor::zeros({2}), DType::kI32), Error); }

}  // namespace
}  // namespace easel
