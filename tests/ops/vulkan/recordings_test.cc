// Commands that are submitted again: only where they are the same, whatever has changed meanwhile.
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/reference.h"
#include "ops/vulkan/device/faults.h"

namespace easel::ops::testing {
namespace {

VkResult VKAPI_PTR full(VkDevice, const VkMemoryAllocateInfo*, const VkAllocationCallbacks*, VkDeviceMemory*) {
  return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

class Recordings : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const Device device : devices())
      if (device.kind == DeviceKind::kVulkan) card_ = device;
    if (card_ == kHost) GTEST_SKIP() << "no Vulkan device";
    backend(card_);
  }

  PackedLinearPtr layer(float value) const {
    return pack_linear(Tensor::full({16, 16}, value), {}, DType::kF32, false, Packer::pack().on(card_));
  }
  // Some dozens of commands: more than a group holds if `layers` is 80. A hint is added in the middle.
  std::vector<float> step(float from, const PackedLinear& dense, float sigma, const Tensor& hint = {},
                          int layers = 40) const {
    Tensor x = Tensor::full({4, 16}, from).to(card_);
    for (int i = 0; i < layers; ++i) {
      x = linear(x, dense);
      if (i == layers / 2 && hint.defined()) x = add(x, hint);
    }
    return read(map([=](auto a) { return a * sigma; }, x));
  }
  // What it gives, every value: each layer multiplies the sum of 16 equal ones.
  static double expected(float from, float value, float sigma, float hint = 0.0f, int layers = 40) {
    double x = from;
    for (int i = 0; i < layers; ++i) {
      x *= 16.0 * value;
      if (i == layers / 2) x += hint;
    }
    return x * sigma;
  }
  uint64_t recorded() const { return backend(card_).made().commands; }

  Device card_ = kHost;
};

TEST_F(Recordings, AreUsedAgainInAnyOrder) {
  // 1/16 keeps a value, 1/8 doubles it.
  const auto keeps = layer(0.0625f), doubles = layer(0.125f);
  const Tensor hint = Tensor::full({4, 16}, 2.0f, card_);
  uint64_t before = 0;
  for (int round = 0; round < 8; ++round) {
    if (round == 3) before = recorded();
    const float from = 1.0f + static_cast<float>(round), sigma = 0.5f * static_cast<float>(round + 1);
    // Two networks in turn, that begin alike; then a hint, and none again; then as many commands as two groups hold.
    EXPECT_EQ(step(from, *keeps, sigma)[5], expected(from, 0.0625f, sigma));
    EXPECT_EQ(step(from, *doubles, sigma)[63], expected(from, 0.125f, sigma));
    EXPECT_EQ(step(from, *keeps, sigma, hint)[0], expected(from, 0.0625f, sigma, 2.0f));
    EXPECT_EQ(step(from, *keeps, sigma, hint, 80)[9], expected(from, 0.0625f, sigma, 2.0f, 80));
    EXPECT_EQ(step(from, *keeps, sigma, {}, 80)[9], expected(from, 0.0625f, sigma, 0.0f, 80));
  }
  EXPECT_EQ(recorded(), before);
}

TEST_F(Recordings, AreNotThoseOfWeightsThatMoved) {
  for (const float value : {0.0625f, 0.125f, 0.03125f}) {
    const auto dense = layer(value);  // where the last one was
    for (int i = 0; i < 3; ++i) EXPECT_EQ(step(3.0f, *dense, 1.0f)[7], expected(3.0f, value, 1.0f));
  }
  const auto first = layer(0.0625f);
  EXPECT_EQ(step(3.0f, *first, 1.0f)[7], 3.0);
  const auto second = layer(0.125f);  // elsewhere, because the first is there still
  EXPECT_EQ(step(3.0f, *second, 1.0f)[7], expected(3.0f, 0.125f, 1.0f));
  EXPECT_EQ(step(3.0f, *first, 1.0f)[7], 3.0);
}

TEST_F(Recordings, AreForgottenWithTheMemoryThatTheyName) {
  const auto dense = layer(0.0625f);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(step(3.0f, *dense, 1.0f)[7], 3.0);
  { const Tensor large({int64_t{300} << 18}, DType::kF32, card_); }  // a block of its own
  {
    vulkan::FaultyDriver driver(card_.index);
    driver.calls().vkAllocateMemory = full;
    EXPECT_THROW(Tensor({int64_t{310} << 18}, DType::kF32, card_), Error);  // what is not in use is given back first
  }
  const uint64_t before = recorded();
  EXPECT_EQ(step(4.0f, *dense, 1.0f)[7], 4.0);
  EXPECT_GT(recorded(), before);
  step(4.0f, *dense, 1.0f);
  const uint64_t then = recorded();
  EXPECT_EQ(step(5.0f, *dense, 1.0f)[7], 5.0);
  EXPECT_EQ(recorded(), then);
}

// Arguments fill what there is for them many times over.
TEST_F(Recordings, GoOnWhenTheirArgumentsHaveNoMoreRoom) {
  for (int i = 0; i < 60; ++i) {
    const int64_t size = 200000 + i;  // a shape of its own each time, 0.8 MiB
    const Tensor x = Tensor::full({size}, static_cast<float>(i)).to(card_);
    EXPECT_EQ(read(add(x, x))[static_cast<size_t>(size) - 1], 2.0 * i);
  }
}

}  // namespace
}  // namespace easel::ops::testing
