#include "ops/counters.h"

#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/limits.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

class Counters : public TypedOps<BFloat16> {
 protected:
  void SetUp() override {
    TypedOps::SetUp();
    reset_op_counters();
    enable_op_counters(true);
  }
  void TearDown() override {
    enable_op_counters(false);
    TypedOps::TearDown();
  }
  static OpCounters of(OpKind kind) { return op_counters()[static_cast<size_t>(kind)]; }
};

TEST_F(Counters, CountsProductsAsDefined) {
  linear(random({10, 64}), *pack_linear(random({32, 64}), {}, kType));
  EXPECT_EQ(of(OpKind::kLinear).calls, 1u);
  EXPECT_EQ(of(OpKind::kLinear).flops, 2u * 10 * 64 * 32);
  EXPECT_GE(of(OpKind::kLinear).bytes, 2u * (10 * 64 + 64 * 32 + 10 * 32));

  conv2d(random({2, 8, 8, 16}), *pack_conv2d(random({32, 16, 3, 3}), {}, {1, 1}, kType));
  EXPECT_EQ(of(OpKind::kConv).flops, 2u * 2 * 8 * 8 * 16 * 32 * 9);
  EXPECT_EQ(of(OpKind::kConv).executed, of(OpKind::kConv).flops);

  attention(random({2, 10, 64}), random({2, 20, 64}), random({2, 20, 64}), 2);
  EXPECT_EQ(of(OpKind::kAttention).flops, 4u * 2 * 10 * 20 * 64);
}

TEST_F(Counters, AFoldedConvolutionExecutesFourNinths) {
  ConvShape shape{1, 1};
  shape.upsample2x = true;
  conv2d(random({1, 8, 8, 16}), *pack_conv2d(random({32, 16, 3, 3}), {}, shape, kType), {.upsample2x = true});
  EXPECT_EQ(of(OpKind::kConv).flops, 2u * 16 * 16 * 16 * 32 * 9);
  EXPECT_EQ(of(OpKind::kConv).executed, 2u * 16 * 16 * 16 * 32 * 4);
}

TEST_F(Counters, WideConvolutionsOfSmallWindowsExecuteFourNinths) {
  conv2d(random({1, 8, 8, 32}), *pack_conv2d(random({32, 32, 3, 3}), {}, {1, 1}, kType));
  EXPECT_EQ(of(OpKind::kConv).flops, 2u * 8 * 8 * 32 * 32 * 9);
  EXPECT_EQ(of(OpKind::kConv).executed, 2u * 8 * 8 * 32 * 32 * 4);
}

TEST_F(Counters, AreOffUnlessEnabledAndResetToZero) {
  enable_op_counters(false);
  add(random({4, 4}), random({4, 4}));
  EXPECT_EQ(of(OpKind::kPointwise).calls, 0u);
  enable_op_counters(true);
  add(random({4, 4}), random({4, 4}));
  concat({random({4, 4}), random({4, 4})}, 0);
  EXPECT_EQ(of(OpKind::kPointwise).calls, 1u);
  EXPECT_EQ(of(OpKind::kMovement).calls, 1u);
  EXPECT_GT(of(OpKind::kMovement).seconds, 0.0);
  reset_op_counters();
  EXPECT_EQ(of(OpKind::kMovement).calls, 0u);
  EXPECT_EQ(op_kind_name(OpKind::kMovement), "movement");
}

// The guard against allocations inside a step: what runs twice takes no new memory the second time.
TEST_F(Counters, RepeatedCallsTakeNoFreshMemory) {
  const Tensor x = random({2, 16, 16, 64}), t = random({2, 256, 64});
  const auto conv = pack_conv2d(random({64, 64, 3, 3}), {}, {1, 1}, kType);
  const auto dense = pack_linear(random({128, 64}), {}, kType, true);
  const auto step = [&] {
    conv2d(x, *conv);
    linear(t, *dense);
    attention(t, t, t, 2);
  };
  step();
  const uint64_t before = pool_stats().fresh_blocks;
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(pool_stats().fresh_blocks, before);
}

// Seconds are the machine's; what can be held is that both measures are there, and that the better one is the limit.
TEST_F(Counters, MeasuresALimitByRegistersAndByAProduct) {
  for (const DType type : {DType::kF32, DType::kBF16, DType::kI8}) {
    const ProductLimit limit = measure_product_limit(type, 0.01);
    EXPECT_GT(limit.registers, 0.0);
    EXPECT_GT(limit.product, 0.0);
    EXPECT_EQ(limit.best(), std::max(limit.registers, limit.product));
  }
}

}  // namespace
}  // namespace easel::ops::testing
