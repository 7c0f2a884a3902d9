// Upscalers, against the same networks written down in torch.
#include "models/upscale/upscaler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "formats/tensors/safetensors.h"
#include "models/checkpoint/describe.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

// Files with made-up values: convolutions in the order they are named, whose phases count up.
class Made {
 public:
  void conv(const std::string& name, int64_t out, int64_t in) {
    map.set(name + ".weight", ops::affine(sines({out, in, 3, 3}, phase_),
                                          static_cast<float>(1.0 / std::sqrt(static_cast<double>(in) * 9))));
    map.set(name + ".bias", ops::affine(sines({out}, phase_ + 0.5), 0.1f));
    phase_ += 1;
  }
  StoredTensors map;

 private:
  double phase_ = 0;
};

StoredTensors dense(int64_t in, int64_t blocks, int enlargements, int64_t features = 32, int64_t growth = 16) {
  Made made;
  made.conv("conv_first", features, in);
  for (int64_t b = 0; b < blocks; ++b)
    for (int r = 1; r <= 3; ++r)
      for (int c = 0; c < 5; ++c)
        made.conv("body." + std::to_string(b) + ".rdb" + std::to_string(r) + ".conv" + std::to_string(c + 1),
                  c < 4 ? growth : features, features + c * growth);
  made.conv("conv_body", features, features);
  for (int u = 1; u <= enlargements; ++u) made.conv("conv_up" + std::to_string(u), features, features);
  made.conv("conv_hr", features, features);
  made.conv("conv_last", 3, features);
  return made.map;
}

StoredTensors compact(int64_t convolutions, int64_t scale, int64_t features = 32) {
  Made made;
  made.conv("body.0", features, 3);
  for (int64_t i = 0; i <= convolutions; ++i) {
    made.map.set("body." + std::to_string(2 * i + 1) + ".weight",
                 ops::affine(sines({features}, static_cast<double>(100 + i)), 0.3f));
    made.conv("body." + std::to_string(2 * i + 2), i < convolutions ? features : 3 * scale * scale, features);
  }
  return made.map;
}

Tensor picture(int64_t height, int64_t width) { return ops::affine(sines({1, height, width, 3}, 0.25), 0.5f, 0.5f); }

Upscaler build(const StoredTensors& file, DType compute = DType::kF32) {
  return Upscaler(nn::Weights(upscaler_tensors(file), compute, "made"));
}

// The same file in the layouts published before.
StoredTensors renamed(const StoredTensors& file, bool numbered, const std::string& wrapper = {}) {
  int64_t blocks = 0, ups = 0;
  for (const auto& [name, tensor] : file) {
    if (name.starts_with("body.")) blocks = std::max(blocks, int64_t{name[5] - '0'} + 1);
    if (name.starts_with("conv_up")) ups = std::max(ups, int64_t{name[7] - '0'});
  }
  StoredTensors out;
  for (const auto& [name, tensor] : file) {
    const std::string part = name.substr(0, name.find('.')), ending = name.substr(name.rfind('.'));
    std::string to;
    if (part == "body" && numbered)
      to = "model.1.sub." + name.substr(5, 2) + "RDB" + name.substr(10, name.rfind('.') - 10) + ".0" + ending;
    else if (part == "body") to = "RRDB_trunk." + name.substr(5, 2) + "RDB" + name.substr(10);
    else if (part == "conv_first") to = (numbered ? "model.0" : part) + ending;
    else if (part == "conv_body") to = (numbered ? "model.1.sub." + std::to_string(blocks) : "trunk_conv") + ending;
    else if (part == "conv_hr") to = (numbered ? "model." + std::to_string(2 + 3 * ups) : "HRconv") + ending;
    else if (part == "conv_last") to = (numbered ? "model." + std::to_string(4 + 3 * ups) : part) + ending;
    else to = (numbered ? "model." + std::to_string(3 * (name[7] - '0')) : "upconv" + name.substr(7, 1)) + ending;
    out.set(wrapper + to, tensor);
  }
  return out;
}

TEST(Upscaler, EnlargesAsTheReference) {
  const Upscaler four = build(dense(3, 2, 2));
  EXPECT_EQ(four.config().scale, 4);
  const Tensor out = four.forward(picture(9, 12));
  EXPECT_EQ(out.shape(), (Shape{1, 36, 48, 3}));
  expect_summary(out, {{0.7930119f, 0.6674498f, -0.07321297f, 0.0194414f}, 0.32269502}, 2e-6);
  // Pixels folded into channels first; sides that are no multiple of that.
  const Upscaler two = build(dense(12, 1, 2));
  EXPECT_EQ(two.config().scale, 2);
  const Tensor folded = two.forward(picture(9, 11));
  EXPECT_EQ(folded.shape(), (Shape{1, 18, 22, 3}));
  expect_summary(folded, {{-0.05903051f, -0.01174497f, 0.0899515f, 0.1007135f}, 0.10455625}, 2e-6);
  const Upscaler three = build(compact(3, 3));
  EXPECT_EQ(three.config().scale, 3);
  const Tensor small = three.forward(picture(7, 8));
  EXPECT_EQ(small.shape(), (Shape{1, 21, 24, 3}));
  expect_summary(small, {{1.03469f, 1.063769f, -0.03600061f, 1.318525f}, 1.1521651}, 2e-6);
}

TEST(Upscaler, ReadsEveryLayout) {
  const StoredTensors file = dense(3, 2, 2);
  const Tensor x = picture(6, 5), expected = build(file).forward(x);
  for (const StoredTensors& other : {renamed(file, true), renamed(file, false), renamed(file, true, "params."),
                                     renamed(file, false, "params_ema.")}) {
    ASSERT_TRUE(upscaler_tensors(other));
    const Tensor out = build(other).forward(x);
    EXPECT_TRUE(std::equal(out.values().begin(), out.values().end(), expected.values().begin()));
  }
  EXPECT_EQ(read_upscaler_config(nn::Weights(upscaler_tensors(renamed(dense(3, 1, 0), true)), DType::kF32, "x")).scale,
            1);
  EXPECT_EQ(read_upscaler_config(nn::Weights(upscaler_tensors(renamed(dense(3, 1, 3), true)), DType::kF32, "x")).scale,
            8);
  EXPECT_FALSE(upscaler_tensors(*formats::open_model_file(tiny_models_dir() / "vae/sdxl_vae.safetensors").tensors));
}

TEST(Upscaler, IsDescribed) {
  const auto path = std::filesystem::path(::testing::TempDir()) / ("easel-upscaler-" + std::to_string(::getpid()));
  formats::write_safetensors(path, renamed(dense(3, 2, 2), true));
  const FileDescription said = describe_file(path);
  EXPECT_EQ(said.kind, FileKind::kUpscaler);
  EXPECT_EQ(said.summary, "upscaler, 4x");
  EXPECT_EQ(said.problem, "");
  std::filesystem::remove(path);
}

TEST(Upscaler, BlendsTilesAsTheReference) {
  const Upscaler model = build(dense(3, 1, 1));
  int done = 0, all = 0;
  const size_t budget = model.memory_estimate(128, 128);
  EXPECT_EQ(upscale_tile(model, budget), 128);
  EXPECT_EQ(upscale_tile(model, 0), 512);
  const Tensor out = upscale(model, picture(150, 200), {budget, [&](int d, int n) { done = d, all = n; }});
  EXPECT_EQ(out.shape(), (Shape{1, 300, 400, 3}));
  EXPECT_EQ(done, all);
  expect_summary(out, {{0, 0, 0, 0}, 0.13266386}, 2e-6);
}

TEST(Upscaler, IsCloseInBf16) {
  for (const StoredTensors& file : {dense(3, 2, 2), compact(3, 3)}) {
    const Tensor x = picture(20, 20), exact = build(file).forward(x), fast = build(file, DType::kBF16).forward(x);
    double power = 0, error = 0;
    for (int64_t i = 0; i < exact.numel(); ++i) {
      power += std::pow(exact.f32()[i], 2);
      error += std::pow(exact.f32()[i] - fast.f32()[i], 2);
    }
    EXPECT_GT(10 * std::log10(power / error), 40);
  }
}

TEST(Upscaler, DamageIsNamedBeforeAnythingIsPacked) {
  for (const StoredTensors& good : {dense(3, 1, 1), compact(2, 2)})
    for (const auto& [name, tensor] : good) {
      StoredTensors lacking, misshapen = good;
      for (const auto& [other, kept] : good)
        if (other != name) lacking.set(other, kept);
      misshapen.set(name, Tensor::zeros({5, 7, 3, 3}));
      for (const StoredTensors& bad : {lacking, misshapen}) {
        memory::Residency residency;
        try {
          load_upscaler(residency, bad, DType::kF32, "bad.pth");
          // A network that lacks its last enlargement is one of a smaller scale.
          EXPECT_TRUE(name.starts_with("conv_up1.weight")) << name;
        } catch (const Error& e) {
          EXPECT_TRUE(e.fault() == Fault::kBadFile || e.fault() == Fault::kUnsupported) << name << ": " << e.what();
          EXPECT_EQ(e.file(), "bad.pth") << name;
        }
      }
    }
}

}  // namespace
}  // namespace easel::models
