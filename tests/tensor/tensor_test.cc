#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tensor/tensor_map.h"

namespace easel {
namespace {

Tensor counted(const Shape& shape) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(i);
  return t;
}

std::vector<float> list(const Tensor& t) {
  const Tensor dense = contiguous(t);
  return {dense.f32(), dense.f32() + dense.numel()};
}

Fault fault_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.fault();
  }
  ADD_FAILURE() << "no error";
  return Fault::kUsage;
}

TEST(Shape, CountsAndPrints) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.numel(), 24);
  EXPECT_EQ(s[-1], 4);
  EXPECT_EQ(s.str(), "[2, 3, 4]");
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_FALSE(s == (Shape{2, 3}));
  EXPECT_EQ(fault_of([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), Fault::kUnsupported);
}

TEST(Tensor, ViewsShareMemory) {
  const Tensor t = counted({2, 3, 4});
  EXPECT_TRUE(t.contiguous());
  EXPECT_EQ(list(t.slice(1, 1, 2).select(0, 1)), (std::vector<float>{16, 17, 18, 19, 20, 21, 22, 23}));
  EXPECT_EQ(list(t.select(-1, 3)), (std::vector<float>{3, 7, 11, 15, 19, 23}));
  const Tensor turned = t.select(0, 0).permute({1, 0});
  EXPECT_FALSE(turned.contiguous());
  EXPECT_EQ(list(turned), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(t.view({6, -1}).shape(), (Shape{6, 4}));
  EXPECT_EQ(t.view({24}).raw(), t.raw());
  EXPECT_NE(clone(t).raw(), t.raw());
  EXPECT_EQ(contiguous(t).raw(), t.raw());
  EXPECT_EQ(list(t.slice(0, 1, 0)), std::vector<float>());
}

TEST(Tensor, RefusesViewsThatDoNotFit) {
  const Tensor t = counted({2, 3});
  EXPECT_EQ(fault_of([&] { t.view({4, 2}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.view({-1, 4}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.view({-1, -1}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.permute({1, 0}).view({6}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.permute({0}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.slice(0, 1, 2); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.slice(2, 0, 1); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { t.slice(0, -1, 1); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { (void)t.data<BFloat16>(); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { (void)t.permute({1, 0}).values(); }), Fault::kInternal);
  EXPECT_EQ(fault_of([] { Tensor::of({3}, {1, 2}); }), Fault::kInternal);
}

TEST(Tensor, ViewsOfForeignMemoryStayInsideIt) {
  const StorageRef storage = allocate(64);
  const size_t room = storage->bytes() / 4;
  const auto all = static_cast<int64_t>(room), huge = int64_t{1} << 40;
  const auto view = [&](const Shape& shape, const Shape& strides) {
    return Tensor(storage, storage->data(), shape, strides, DType::kF32);
  };
  EXPECT_EQ(view({all}, {1}).numel(), all);
  EXPECT_EQ(view({huge}, {0}).numel(), huge);
  EXPECT_EQ(view({0, huge}, {huge, huge}).numel(), 0);
  EXPECT_EQ(fault_of([&] { view({all + 1}, {1}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { view({2}, {all}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { view({2}, {-1}); }), Fault::kInternal);
  // Products that wrap around to something small.
  EXPECT_EQ(fault_of([&] { view({huge, huge}, {huge, 1}); }), Fault::kInternal);
  EXPECT_EQ(fault_of([&] { view({2, 2}, {int64_t{1} << 62, int64_t{1} << 62}); }), Fault::kInternal);
}

TEST(Tensor, SizesBeyondAnyMemoryAreRefused) {
  EXPECT_EQ(fault_of([] { Tensor({int64_t{1} << 32, int64_t{1} << 32}); }), Fault::kMemory);
  EXPECT_EQ(fault_of([] { Tensor({int64_t{1} << 62, 4}); }), Fault::kMemory);  // 2^66 bytes, which wraps to 0
  EXPECT_EQ(fault_of([] { Tensor({int64_t{1} << 50}); }), Fault::kMemory);
  EXPECT_EQ(fault_of([] { Tensor({-1}); }), Fault::kInternal);
  EXPECT_EQ(Tensor({0, 1000}).numel(), 0);
}

TEST(TensorMap, KeepsOrderAndReplacesInPlace) {
  TensorMap map;
  map.set("b", counted({1}));
  map.set("a", counted({2}));
  map.set("b", counted({3}));
  ASSERT_EQ(map.size(), 2u);
  EXPECT_EQ(map.begin()->first, "b");
  EXPECT_EQ(map.find("b")->numel(), 3);
  EXPECT_EQ(map.find("c"), nullptr);
}

}  // namespace
}  // namespace easel
