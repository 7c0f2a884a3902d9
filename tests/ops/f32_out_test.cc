// Results in f32 of products computed in bf16, and norms that change the type.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "support/shared.h"

namespace easel::ops {
namespace {

using testing::max_difference;
using testing::relative_error;

// Values that bf16 holds exactly, so that only the rounding of the result can differ.
Tensor grid(const Shape& shape, int step) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>((i * step) % 17 - 8) / 8.0f;
  return t;
}

TEST(F32Out, LinearKeepsWhatBf16WouldRound) {
  const Tensor x = grid({3, 40}, 7), weight = grid({24, 40}, 5), bias = grid({24}, 3);
  const Tensor residual = affine(grid({3, 24}, 11), 100.0f, 0.001f);
  const Tensor expected = linear(x, *pack_linear(weight, bias, DType::kF32), {.residual = residual});
  const auto packed = pack_linear(weight, bias, DType::kBF16);
  const Tensor got = linear(convert(x, DType::kBF16), *packed, {.residual = residual, .f32_out = true});
  ASSERT_EQ(got.dtype(), DType::kF32);
  EXPECT_LE(relative_error(got, expected), 1e-6);
  EXPECT_THROW(linear(convert(x, DType::kBF16), *packed, {.residual = residual}), Error);
}

TEST(F32Out, Conv2dKeepsWhatBf16WouldRound) {
  const Tensor x = grid({2, 5, 6, 8}, 7), weight = grid({16, 8, 3, 3}, 5), bias = grid({16}, 3);
  const Tensor channel_bias = grid({2, 16}, 13);
  const Tensor residual = affine(grid({2, 5, 6, 16}, 11), 100.0f, 0.001f);
  const Tensor expected = conv2d(x, *pack_conv2d(weight, bias, {.pad = 1}, DType::kF32),
                                 {.residual = residual, .channel_bias = channel_bias});
  const Tensor got = conv2d(convert(x, DType::kBF16), *pack_conv2d(weight, bias, {.pad = 1}, DType::kBF16),
                            {.residual = residual, .channel_bias = channel_bias, .f32_out = true});
  ASSERT_EQ(got.dtype(), DType::kF32);
  EXPECT_LE(relative_error(got, expected), 1e-6);
}

TEST(F32Out, NormsConvertTheirResult) {
  const Tensor x = grid({2, 4, 4, 32}, 7), weight = grid({32}, 3), bias = grid({32}, 5);
  const Tensor group = group_norm(x, weight, bias, 4, 1e-5f, Activation::kSilu);
  EXPECT_EQ(max_difference(group_norm(x, weight, bias, 4, 1e-5f, Activation::kSilu, DType::kBF16),
                           convert(group, DType::kBF16)),
            0);
  const Tensor layer = layer_norm(x, weight, bias, 1e-5f);
  EXPECT_EQ(max_difference(layer_norm(x, weight, bias, 1e-5f, DType::kBF16), convert(layer, DType::kBF16)), 0);
}

}  // namespace
}  // namespace easel::ops
