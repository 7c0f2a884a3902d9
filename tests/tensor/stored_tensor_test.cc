#include "tensor/stored_tensor.h"

#include <gtest/gtest.h>

#include "support/block_encoding.h"

namespace easel {
namespace {

using testing::in_blocks;
using testing::TestBlocks;

Tensor ramp(const Shape& shape) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(i % 23) - 11.0f;
  return t;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double out = 0;
  for (int64_t i = 0; i < a.numel(); ++i)
    out = std::max(out, std::abs(static_cast<double>(a.f32()[i]) - static_cast<double>(b.f32()[i])));
  return out;
}

TEST(StoredTensors, PlainElementsStayWhereTheyLie) {
  const Tensor t = ramp({4, 6});
  const StoredTensor stored = t;
  EXPECT_EQ(stored.encoding(), "F32");
  EXPECT_EQ(stored.tensor().raw(), t.raw());
  EXPECT_EQ(stored.decoded().raw(), t.raw());
  EXPECT_EQ(stored.slice(1, 2).data(), t.f32() + 6);
  EXPECT_EQ(stored.transposed().data(), t.raw());
  EXPECT_EQ(stored.transposed().shape(), (Shape{6, 4}));
  EXPECT_EQ(stored.nbytes(), 96u);
  EXPECT_TRUE(stored.is_float());
  EXPECT_FALSE(StoredTensor(Tensor({2}, DType::kI64)).is_float());
  EXPECT_FALSE(StoredTensor().defined());
}

TEST(StoredTensors, BlocksAreDecodedRowByRow) {
  const Tensor t = ramp({5, 2, 16});
  const StoredTensor stored = in_blocks(t);
  EXPECT_EQ(stored.str(), "TEST_B8[5, 2, 16]");
  EXPECT_TRUE(stored.is_float());
  EXPECT_EQ(stored.plain(), nullptr);
  EXPECT_EQ(stored.nbytes(), 5u * 2 * 2 * TestBlocks::kBytes);
  const Tensor values = stored.tensor();
  EXPECT_EQ(values.dtype(), DType::kF32);
  EXPECT_LT(largest_difference(values, t), 11.0 / 254 + 1e-6);
  const StoredTensor some = stored.slice(3, 2);
  EXPECT_EQ(some.shape(), (Shape{2, 2, 16}));
  EXPECT_EQ(largest_difference(some.tensor(), contiguous(values.slice(0, 3, 2))), 0.0);
  EXPECT_EQ(largest_difference(some.matrix().tensor(), contiguous(values.slice(0, 3, 2))), 0.0);
  EXPECT_EQ(stored.matrix().shape(), (Shape{5, 32}));
  const StoredTensor turned = stored.matrix().transposed();
  EXPECT_EQ(turned.shape(), (Shape{32, 5}));
  EXPECT_EQ(turned.data(), stored.data());
  EXPECT_EQ(turned.nbytes(), stored.nbytes());
  const Tensor columns = contiguous(values.view({5, 32}).permute({1, 0}));
  EXPECT_EQ(largest_difference(turned.decoded(), columns), 0.0);
  EXPECT_EQ(largest_difference(turned.slice(4, 3).decoded(), contiguous(columns.slice(0, 4, 3))), 0.0);
  EXPECT_EQ(largest_difference(turned.transposed().tensor(), values), 0.0);
  EXPECT_THROW(stored.slice(3, 3), Error);
  stored.drop_pages();  // of memory that is no file: no effect
  EXPECT_EQ(largest_difference(stored.tensor(), values), 0.0);
}

TEST(StoredTensors, BlocksMustFitTheirRowsAndTheirFile) {
  const auto encoding = std::make_shared<const TestBlocks>();
  const Tensor memory({static_cast<int64_t>(TestBlocks::kBytes) * 4}, DType::kU8);
  const auto make = [&](const Shape& shape, size_t at = 0) {
    return StoredTensor(memory.storage(), memory.data<uint8_t>() + at, shape, encoding);
  };
  EXPECT_EQ(make({2, 16}).numel(), 32);
  EXPECT_EQ(make({0, 16}).nbytes(), 0u);
  const int64_t room = static_cast<int64_t>(memory.storage()->bytes() / TestBlocks::kBytes);
  EXPECT_THROW(make({2, 12}), Error);
  EXPECT_THROW(make({room + 1, 8}), Error);
  EXPECT_THROW(make({room, 8}, memory.storage()->bytes() % TestBlocks::kBytes + 1), Error);
  EXPECT_THROW(make({int64_t{1} << 40, int64_t{1} << 40}), Error);
  EXPECT_THROW(make({-1, 8}), Error);
  EXPECT_THROW(make(Shape{}), Error);
}

}  // namespace
}  // namespace easel
