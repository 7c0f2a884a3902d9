// Cooperative matrices in products, in attention and in products of bytes. Debian 12's driver has none; later ones have
// (docs/vulkan.md says how they are run). Where they are, the other suites go through them as well.
#include <algorithm>
#include <atomic>

#include "ops/attention.h"
#include "ops/devices.h"
#include "ops/reference.h"
#include "ops/vulkan/device/faults.h"

namespace easel::ops::testing {
namespace {

constexpr Device kReference{DeviceKind::kReference, 0};

// The first device with this ability, among those that can be used.
std::optional<Device> device_with(const std::string& ability) {
  for (const DeviceFacts& facts : device_facts())
    if (!facts.name.empty() && std::count(facts.abilities.begin(), facts.abilities.end(), ability) > 0)
      return parse_device(facts.name);
  return std::nullopt;
}

Tensor normal(const Shape& shape, float scale, std::mt19937& rng) {
  Tensor t(shape);
  std::normal_distribution<float> values(0.0f, scale);
  for (float& v : t.values()) v = values(rng);
  return convert(t, DType::kBF16);
}

// Counts the pipelines that want subgroups of a certain size, which are those with matrices.
std::atomic<int> with_matrices;
PFN_vkCreateComputePipelines make_pipelines;
VkResult VKAPI_PTR count_matrices(VkDevice device, VkPipelineCache cache, uint32_t count,
                                  const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks* how,
                                  VkPipeline* out) {
  for (uint32_t i = 0; i < count; ++i) with_matrices += infos[i].stage.pNext ? 1 : 0;
  return make_pipelines(device, cache, count, infos, how, out);
}

class Matrices : public ::testing::Test {
 protected:
  // Skips without such a device. `use` must compute something whose shader was not asked for before.
  template <class Use>
  void expect_matrices(Device device, const Use& use) {
    use();  // whatever is tried first is
    vulkan::FaultyDriver driver(device.index);
    make_pipelines = driver.calls().vkCreateComputePipelines;
    driver.calls().vkCreateComputePipelines = count_matrices;
    with_matrices = 0;
    use();
    EXPECT_EQ(with_matrices, 1);
  }
  std::mt19937 rng_{11};
};

// Whatever a device multiplies with: f16's largest value is 65504, and below 6e-5 it loses digits. Sums are f32.
TEST_F(Matrices, ProductsTakeValuesBeyondThoseOfF16) {
  const Tensor x = convert(normal({70, 72}, 1.0f, rng_), DType::kF32);
  const Tensor w = convert(normal({50, 72}, 1.0f, rng_), DType::kF32),
               window = convert(normal({50, 72, 3, 3}, 1.0f, rng_), DType::kF32);
  struct Case {
    const char* name;
    float inputs, some_inputs, weights, some_weights;  // by which all of them, and every 101st, are multiplied
  };
  const Case cases[] = {{"large inputs", 1, 1e6f, 1, 1},
                        {"large weights", 1, 1, 1, 1e6f},
                        {"both large", 1e7f, 1, 1e6f, 1e3f},
                        {"small inputs", 1e-7f, 1, 1, 1},
                        {"small weights", 1, 1, 1e-8f, 1},
                        {"both small", 1e-8f, 1e3f, 1e-8f, 1},
                        {"some of both", 1e-3f, 1e6f, 1e-3f, 1e6f},
                        {"one of each", 1e30f, 1, 1e-30f, 1},
                        {"moderate ones", 1, 1, 0.01f, 1}};
  const auto scaled = [](const Tensor& t, float all, float some) {
    Tensor out = clone(t);
    for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] *= i % 101 == 0 ? all * some : all;
    return convert(out, DType::kBF16);
  };
  backend(kReference);
  bool tried = false;
  for (const Device device : devices()) {
    if (device.kind != DeviceKind::kVulkan) continue;
    tried = true;
    backend(device);
    const Packer here = Packer::pack().on(device), there = Packer::pack().on(kReference);
    for (const Case& c : cases) {
      SCOPED_TRACE(c.name);
      const Tensor input = scaled(x, c.inputs, c.some_inputs), weight = scaled(w, c.weights, c.some_weights);
      for (const bool gated : {false, true})
        EXPECT_LT(
            relative_error(
                linear(input.to(device), *pack_linear(weight, {}, DType::kBF16, gated, here), {.f32_out = true}),
                linear(input.to(kReference), *pack_linear(weight, {}, DType::kBF16, gated, there), {.f32_out = true})),
            1e-5);
      const Tensor map = input.view({1, 10, 7, 72}), kernel = scaled(window, c.weights, c.some_weights);
      EXPECT_LT(
          relative_error(
              conv2d(map.to(device), *pack_conv2d(kernel, {}, {1, 1}, DType::kBF16, here), {.f32_out = true}),
              conv2d(map.to(kReference), *pack_conv2d(kernel, {}, {1, 1}, DType::kBF16, there), {.f32_out = true})),
          1e-5);
    }
  }
  if (!tried) GTEST_SKIP() << "no Vulkan device";
  const auto with = device_with("cooperative matrices");
  if (!with) return;
  Activation activation = Activation::kNone;
  expect_matrices(*with, [&] {
    activation = activation == Activation::kNone ? Activation::kRelu : Activation::kLeakyRelu;
    const auto packed = pack_linear(w, {}, DType::kBF16, false, Packer::pack().on(*with));
    read(linear(convert(x, DType::kBF16).to(*with), *packed, {.activation = activation}));
  });
}

TEST_F(Matrices, AttentionIsThatOfTheReference) {
  const auto device = device_with("cooperative matrices");
  if (!device) GTEST_SKIP() << "no device here has cooperative matrices";
  backend(kReference);
  backend(*device);
  struct Case {
    int64_t samples, queries, keys, heads, width;
    float q, k, v;
    bool causal, biased;
  };
  const Case cases[] = {
      {2, 70, 77, 3, 40, 1.0f, 1.0f, 1.0f, false, false},   // odd rows, two blocks and a part of keys
      {1, 33, 300, 2, 64, 2.0f, 1.5f, 1.0f, false, false},  // the largest score rises late
      {1, 100, 100, 1, 80, 1.0f, 1.0f, 1.0f, true, false},  {2, 19, 65, 2, 160, 1.0f, 1.0f, 1.0f, false, true},
      {1, 64, 64, 1, 64, 1e6f, 1e-6f, 1e6f, false, false},  // beyond what f16 holds
      {1, 16, 40, 1, 24, 1e-3f, 1e5f, 1e-3f, false, false}, {1, 9, 1, 1, 64, 1.0f, 1.0f, 1.0f, false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.width) + " values, " + std::to_string(c.keys) + " keys");
    const int64_t all = c.heads * c.width;
    const Tensor q = normal({c.samples, c.queries, all}, c.q, rng_), k = normal({c.samples, c.keys, all}, c.k, rng_),
                 v = normal({c.samples, c.keys, all}, c.v, rng_);
    AttentionArgs here{.causal = c.causal}, there = here;
    if (c.biased) {
      const Tensor bias = convert(normal({c.queries, c.keys}, 2.0f, rng_), DType::kF32);
      here.bias = bias.to(*device);
      there.bias = bias.to(kReference);
    }
    const Tensor expected = attention(q.to(kReference), k.to(kReference), v.to(kReference), c.heads, there);
    const Tensor got = attention(q.to(*device), k.to(*device), v.to(*device), c.heads, here);
    EXPECT_LT(relative_error(got, expected), 4e-3);
  }
  int64_t width = 64;  // 96 and 128 are of no case above
  expect_matrices(*device, [&] {
    const Tensor x = normal({1, 40, width += 32}, 1.0f, rng_).to(*device);
    read(attention(x, x, x, 1));
  });
}

// Sums of bytes are exact whoever adds them, so that the reference's error is that of rounding values to bytes only.
TEST_F(Matrices, ProductsOfBytesAreThoseOfTheReference) {
  const auto device = device_with("cooperative matrices of bytes");
  if (!device) GTEST_SKIP() << "no device here has cooperative matrices of bytes";
  backend(kReference);
  backend(*device);
  const Packer packer = Packer::pack().on(*device), plain = Packer::pack().on(kReference);
  for (const auto& [rows, in, out] : {std::array<int64_t, 3>{70, 68, 34}, {8, 64, 8}, {129, 200, 70}, {33, 516, 130}}) {
    SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(in) + "x" + std::to_string(out));
    const Tensor x = normal({rows, in}, 1.0f, rng_), w = convert(normal({out, in}, 0.2f, rng_), DType::kF32);
    const Tensor b = convert(normal({out}, 1.0f, rng_), DType::kF32);
    for (const bool gated : {false, true})
      EXPECT_LT(relative_error(linear(x.to(*device), *pack_linear(w, b, DType::kI8, gated, packer)),
                               linear(x.to(kReference), *pack_linear(w, b, DType::kI8, gated, plain))),
                gated ? 0.03 : 0.02);
  }
  for (const int64_t stride : {1, 2})
    for (const bool enlarges : {false, true}) {
      const Tensor x = normal({2, 9, 7, 68}, 1.0f, rng_), w = convert(normal({20, 68, 3, 3}, 0.2f, rng_), DType::kF32);
      const ConvShape shape{stride, 1};
      const ConvArgs args{{}, {}, Activation::kSilu, enlarges};
      EXPECT_LT(relative_error(conv2d(x.to(*device), *pack_conv2d(w, {}, shape, DType::kI8, packer), args),
                               conv2d(x.to(kReference), *pack_conv2d(w, {}, shape, DType::kI8, plain), args)),
                0.02);
    }
  Activation activation = Activation::kNone;
  expect_matrices(*device, [&] {
    const Tensor x = normal({64, 64}, 1.0f, rng_), w = convert(normal({64, 64}, 0.2f, rng_), DType::kF32);
    activation = activation == Activation::kNone ? Activation::kRelu : Activation::kLeakyRelu;
    read(linear(x.to(*device), *pack_linear(w, {}, DType::kI8, false, packer), {.activation = activation}));
  });
}

}  // namespace
}  // namespace easel::ops::testing
