// What graphics cards have beside the operations, which every suite of this folder tests on them: memory, and what is
// made only once.
#include <algorithm>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/attention.h"
#include "ops/backends.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

std::vector<Device> cards() {
  std::vector<Device> found;
  for (const Device device : devices())
    if (device.kind == DeviceKind::kVulkan) found.push_back(device);
  return found;
}

// CI has a driver that computes on the processor, and fails when this is skipped.
TEST(Cards, ThereIsOne) {
  if (cards().empty())
    GTEST_SKIP() << "no Vulkan device, so nothing of it is tested: ./dev setup installs Mesa's driver";
}

TEST(Cards, AreListedWithWhatTheyCanDo) {
  const auto facts = device_facts();
  ASSERT_FALSE(facts.empty());
  EXPECT_EQ(facts[0].name, "cpu");
  size_t usable = 0;
  for (const DeviceFacts& f : facts) {
    EXPECT_EQ(f.name.empty(), !f.lacks.empty()) << f.model;
    if (f.name.empty() || f.name == "cpu") continue;
    ++usable;
    EXPECT_EQ(parse_device(f.name).kind, DeviceKind::kVulkan);
    EXPECT_FALSE(f.model.empty());
    EXPECT_GT(f.memory, 0u);
  }
  EXPECT_EQ(usable, cards().size());
}

TEST(Cards, AutoTakesNoneThatIsNotDiscrete) {
  const Device chosen = choose_device("auto");
  bool discrete = false;
  for (const DeviceFacts& f : device_facts()) discrete = discrete || f.discrete;
  if (!discrete) {
    EXPECT_EQ(chosen, kHost);
  }
  EXPECT_EQ(choose_device("cpu"), kHost);
  EXPECT_THROW(choose_device("gpu"), Error);
}

TEST(Cards, AutoTakesTheDiscreteOneWithTheMostFreeMemory) {
  const auto card = [](const std::string& name, bool discrete, uint64_t free) {
    DeviceFacts f;
    f.name = name;
    f.discrete = discrete;
    f.free = free << 20;
    return f;
  };
  EXPECT_EQ(choose_among({}), "cpu");
  EXPECT_EQ(choose_among({card("vulkan", false, 60000)}), "cpu") << "the machine's memory is faster on the processor";
  EXPECT_EQ(choose_among({card("vulkan", true, 4095)}), "cpu");
  EXPECT_EQ(choose_among({card("vulkan", true, 4096)}), "vulkan");
  EXPECT_EQ(choose_among({card("vulkan", true, 8000), card("vulkan:1", false, 60000), card("vulkan:2", true, 12000),
                          card("", true, 24000)}),
            "vulkan:2");
}

// One call of everything that a denoising step does.
Tensor step(const Tensor& x, const PackedLinear& dense, const PackedConv& window, const Tensor& ones, float sigma) {
  const Tensor h = group_norm(conv2d(x, window), ones, ones, 2, 1e-5f, Activation::kSilu);
  const Tensor rows = layer_norm(h.view({2, 36, 8}), ones, ones, 1e-5f);
  const Tensor y = add(attention(rows, rows, rows, 2), linear(rows, dense)).view({2, 6, 6, 8});
  return map([=](auto a, auto b) { return a + b * sigma; }, concat({y, x}, 3), concat({x, y}, 3));
}

TEST(Cards, ASecondStepMakesNothing) {
  for (const Device device : cards()) {
    const Packer packer = Packer::pack().on(device);
    backend(device);
    const auto dense = pack_linear(Tensor::full({8, 8}, 0.1f), {}, DType::kF32, false, packer);
    const auto window = pack_conv2d(Tensor::full({8, 8, 3, 3}, 0.1f), {}, {1, 1}, DType::kF32, packer);
    const Tensor x = Tensor::full({2, 6, 6, 8}, 0.5f, device), ones = Tensor::full({8}, 1.0f, device);
    const auto first = read(step(x, *dense, *window, ones, 0.5f));
    read(step(x, *dense, *window, ones, 0.25f));  // where it finds its memory may differ from the first
    const Backend::Made before = backend(device).made();
    for (int i = 1; i < 20; ++i) read(step(x, *dense, *window, ones, 0.5f + static_cast<float>(i)));
    EXPECT_EQ(backend(device).made().blocks, before.blocks);
    EXPECT_EQ(backend(device).made().shaders, before.shaders);
    EXPECT_EQ(backend(device).made().commands, before.commands);
    EXPECT_EQ(read(step(x, *dense, *window, ones, 0.5f)), first);
    EXPECT_NE(read(step(x, *dense, *window, ones, 0.25f)), first);
  }
}

TEST(Cards, MemoryIsUsedAgainAndKeptApart) {
  for (const Device device : cards()) {
    std::vector<Tensor> kept;
    std::mt19937 rng(7);
    backend(device);
    for (int round = 0; round < 300; ++round) {
      const auto size = static_cast<int64_t>(1 + rng() % 5000);
      kept.push_back(Tensor::full({size}, static_cast<float>(round), device));
      if (kept.size() > 20) kept.erase(kept.begin() + static_cast<int64_t>(rng() % kept.size()));
    }
    const uint64_t blocks = backend(device).made().blocks;
    for (const Tensor& t : kept) {
      const auto values = read(t);
      EXPECT_EQ(*std::min_element(values.begin(), values.end()), *std::max_element(values.begin(), values.end()));
    }
    kept.clear();
    for (int round = 0; round < 50; ++round) Tensor({1 << 16}, DType::kF32, device);
    EXPECT_EQ(backend(device).made().blocks, blocks);
  }
}

// Bytes: the error is that of 255 levels between the lowest and highest value of a row and of 127 on each side of a
// weight, each rounded to half a level; for normal values about 1 % (docs/performance.md).
class ByteProducts : public DeviceOps {
 protected:
  double error(const Tensor& here, const Tensor& there) { return relative_error(convert(here, DType::kF32), there); }
  static constexpr Device kReference{DeviceKind::kReference, 0};
};

TEST_P(ByteProducts, AreThoseOfRoundedValues) {
  if (kDevice.kind != DeviceKind::kVulkan || kType != DType::kBF16) return;
  const Packer packer = Packer::pack().on(kDevice), plain = Packer::pack().on(kReference);
  for (int i = 0; i < 6; ++i) {
    const int64_t in = 64 + 4 * pick(0, 30), out = 2 * pick(1, 40), rows = pick(1, 70);
    const Tensor x = random({rows, in}, 1.0f, 0.7f), w = random({out, in}, 0.2f).to(kHost),
                 b = random_f32({out}).to(kHost);
    const Tensor residual = random({rows, out});
    const LinearArgs args{Activation::kNone, residual, 1.0f},
        other{args.activation, residual.to(kHost).to(kReference), 1.0f};
    const Tensor there = x.to(kHost).to(kReference);
    const auto bytes = pack_linear(w, b, DType::kI8, false, packer);
    EXPECT_LT(bytes->bytes, static_cast<size_t>(in * out * 2));
    EXPECT_EQ(bytes->bytes, pack_linear(w, b, DType::kI8, false, Packer::measure().on(kDevice))->bytes);
    const double off =
        error(linear(x, *bytes, args), linear(there, *pack_linear(w, b, DType::kI8, false, plain), other));
    EXPECT_LT(off, 0.02);
    EXPECT_GT(off, 0.0);
    const auto gated = pack_linear(w, b, DType::kI8, true, packer);
    EXPECT_LT(error(linear(x, *gated), linear(there, *pack_linear(w, b, DType::kI8, true, plain))), 0.03);
  }
  for (int i = 0; i < 6; ++i) {
    const int64_t in = 64 + 4 * pick(0, 4), out = pick(1, 40), kernel = 2 * pick(0, 1) + 1;
    const ConvShape shape{pick(1, 2), kernel / 2, pick(0, 1)};
    const Tensor x = random({2, pick(4, 9), pick(4, 9), in}, 1.0f, 0.4f), channel = random_f32({2, out});
    const Tensor w = random({out, in, kernel, kernel}, 0.2f).to(kHost), b = random_f32({out}).to(kHost);
    const bool enlarges = pick(0, 1) == 0;
    const ConvArgs args{{}, channel, Activation::kSilu, enlarges},
        other{{}, channel.to(kHost).to(kReference), Activation::kSilu, enlarges};
    const double off = error(conv2d(x, *pack_conv2d(w, b, shape, DType::kI8, packer), args),
                             conv2d(x.to(kHost).to(kReference), *pack_conv2d(w, b, shape, DType::kI8, plain), other));
    EXPECT_LT(off, 0.02);
  }
}
EASEL_ON_EVERY_DEVICE(ByteProducts);

// More than a staging buffer holds, at odd sizes.
TEST(Cards, LargeTensorsArriveWhole) {
  for (const Device device : cards()) {
    backend(device);
    Tensor t({(int64_t{5} << 20) + 3});
    for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(i % 8191);
    const Tensor back = t.to(device).to(kHost);
    EXPECT_EQ(std::memcmp(back.f32(), t.f32(), t.nbytes()), 0);
  }
}

TEST(Cards, WhatDoesNotFitIsRefused) {
  for (const Device device : cards()) {
    const uint64_t all = device_memory_bytes(device);
    EXPECT_GT(all, 0u);
    try {
      const Tensor t({static_cast<int64_t>(all / 4), 2}, DType::kF32, device);
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMemory);
      EXPECT_FALSE(e.advice().empty());
    }
    EXPECT_EQ(read(Tensor::full({3}, 2.0f, device))[2], 2.0f);  // and it goes on
  }
}

}  // namespace
}  // namespace easel::ops::testing
