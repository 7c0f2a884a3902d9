// UNets that were distilled from the published ones: KOALA, SDXS, LCM.
#include <gtest/gtest.h>

#include <cmath>

#include "models/checkpoint/describe.h"
#include "models/checkpoint/diffusers_keys.h"
#include "models/sd/detect.h"
#include "models/sd/variants.h"
#include "models/unet/spatial_transformer.h"
#include "ops/elementwise.h"
#include "support/shared.h"
#include "unet_support.h"

namespace easel::models {
namespace {

using testing::max_difference;
using testing::relative_error;

nn::Weights distilled(const std::string& name, DType compute = DType::kF32) {
  const auto file = formats::open_model_file(tiny_models_dir() / "unet" / (name + ".safetensors"));
  return nn::Weights(original_unet_tensors(*file.tensors), compute, name);
}

TEST(DistilledUNet, ShapesAndFamiliesAreReadFromTheFiles) {
  struct Expected {
    const char* name;
    const sd::Variant* variant;
    std::vector<int> input_depth, output_depth;
    int64_t heads;
  };
  for (const Expected& e : {Expected{"koala-700m", &sd::kSdxl, {0, 0, 0, 2, 0, 5}, {5, 5, 2, 2, 0, 0}, 0},
                            Expected{"sdxs-512-dreamshaper", &sd::kSd1, {0, 0, 0, 1, 0, 1}, {1, 1, 1, 1, 0, 0}, 8},
                            Expected{"sdxs-512-0.9", &sd::kSd2, {0, 1, 0, 1, 0, 1}, {1, 1, 1, 1, 1, 1}, 0},
                            Expected{"LCM_Dreamshaper_v7",
                                     &sd::kSd1,
                                     {0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0},
                                     {0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                                     8}}) {
    const nn::Weights w = distilled(e.name);
    const UNetConfig config = read_unet_config(w);
    EXPECT_EQ(config.input_depth, e.input_depth) << e.name;
    EXPECT_EQ(config.output_depth, e.output_depth) << e.name;
    EXPECT_EQ(config.middle_depth, e.variant == &sd::kSd1 && e.input_depth.size() > 6 ? 1 : -2) << e.name;
    EXPECT_EQ(config.num_heads, e.heads) << e.name;
    EXPECT_EQ(sd::detect_variant(config, {}), e.variant) << e.name;
  }
}

// As the tooling nodes for Krita call them, which follow ComfyUI's classes: SDXL is the whole network only.
TEST(DistilledUNet, AreNotWhatTheyWereDistilledFrom) {
  const auto called = [](const char* file) { return describe_file(tiny_models_dir() / file).base_model; };
  EXPECT_EQ(called("checkpoints/sd_xl_base_1.0.safetensors"), "sdxl");
  EXPECT_EQ(called("checkpoints/SSD-1B.safetensors"), "ssd1b");
  EXPECT_EQ(called("checkpoints/segmind-vega.safetensors"), "");
  EXPECT_EQ(called("unet/koala-700m.safetensors"), "");
  EXPECT_EQ(called("unet/LCM_Dreamshaper_v7.safetensors"), "sd15");
}

TEST(DistilledUNet, RowsOfABatchDoNotDependOnOneAnother) {
  for (const char* name : {"koala-700m", "sdxs-512-dreamshaper", "sdxs-512-0.9"}) {
    const UNet unet(distilled(name));
    EXPECT_EQ(unet.config().in_channels, 4) << name;
    expect_rows_do_not_depend_on_one_another(unet, name);
  }
}

// A UNet distilled with the scale of its guidance has a projection for it, which ComfyUI does not use.
TEST(DistilledUNet, TheScaleOfGuidanceIsLeftOut) {
  const nn::Weights w = distilled("LCM_Dreamshaper_v7");
  ASSERT_TRUE(w.has("time_embed.cond_proj.weight"));
  const UNet unet(w);
  EXPECT_EQ(w.unused(), std::vector<std::string>{"time_embed.cond_proj.weight"});
  auto without = std::make_shared<StoredTensors>();
  const auto file = formats::open_model_file(tiny_models_dir() / "unet/LCM_Dreamshaper_v7.safetensors");
  const auto all = original_unet_tensors(*file.tensors);
  for (const auto& [name, tensor] : *all)
    if (name != "time_embed.cond_proj.weight") without->set(name, tensor);
  const UNet plain(nn::Weights(without, DType::kF32, "plain"));
  const UNetInputs in = made_up_inputs(unet, {1, 4, 4, 4});
  EXPECT_EQ(max_difference(unet.forward(in), plain.forward(in)), 0);
}

// --- A block whose first attention is to the text, in f64 ---

using Rows = std::vector<std::vector<double>>;

Rows rows_of(const Tensor& t) {
  const Tensor flat = t.view({-1, t.dim(t.rank() - 1)});
  Rows out;
  for (int64_t i = 0; i < flat.dim(0); ++i)
    out.emplace_back(flat.f32() + i * flat.dim(1), flat.f32() + (i + 1) * flat.dim(1));
  return out;
}

class BlockInF64 {
 public:
  BlockInF64(const TensorMap& weights, int64_t heads) : w_(weights), heads_(static_cast<size_t>(heads)) {}

  Rows run(Rows x, const Rows& text) const {
    add(x, attention("attn1", norm(x, "norm1"), text));
    add(x, attention("attn2", norm(x, "norm2"), text));
    const Rows wide = linear(norm(x, "norm3"), "ff.net.0.proj");
    Rows gated;
    for (const auto& row : wide) {
      const size_t half = row.size() / 2;
      std::vector<double> out(half);
      for (size_t i = 0; i < half; ++i) {
        const double g = row[half + i];
        out[i] = row[i] * g * 0.5 * (1 + std::erf(g / std::sqrt(2.0)));
      }
      gated.push_back(std::move(out));
    }
    add(x, linear(gated, "ff.net.2"));
    return x;
  }

 private:
  static void add(Rows& x, const Rows& more) {
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t c = 0; c < x[i].size(); ++c) x[i][c] += more[i][c];
  }
  Rows norm(const Rows& x, const std::string& name) const {
    const Tensor &scale = *w_.find(name + ".weight"), &shift = *w_.find(name + ".bias");
    Rows out = x;
    for (auto& row : out) {
      double mean = 0, variance = 0;
      for (const double v : row) mean += v / static_cast<double>(row.size());
      for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
      for (size_t c = 0; c < row.size(); ++c)
        row[c] = (row[c] - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(scale.f32()[c]) +
                 static_cast<double>(shift.f32()[c]);
    }
    return out;
  }
  Rows linear(const Rows& x, const std::string& name) const {
    const Tensor& weight = *w_.find(name + ".weight");
    const Tensor* bias = w_.find(name + ".bias");
    Rows out;
    for (const auto& row : x) {
      std::vector<double> y(static_cast<size_t>(weight.dim(0)));
      for (size_t o = 0; o < y.size(); ++o) {
        y[o] = bias ? static_cast<double>(bias->f32()[o]) : 0;
        for (size_t i = 0; i < row.size(); ++i) y[o] += row[i] * static_cast<double>(weight.f32()[o * row.size() + i]);
      }
      out.push_back(std::move(y));
    }
    return out;
  }
  Rows attention(const std::string& name, const Rows& x, const Rows& text) const {
    const Rows q = linear(x, name + ".to_q"), k = linear(text, name + ".to_k"), v = linear(text, name + ".to_v");
    const size_t width = q[0].size() / heads_;
    Rows out(q.size(), std::vector<double>(q[0].size()));
    for (size_t h = 0; h < heads_; ++h)
      for (size_t i = 0; i < q.size(); ++i) {
        std::vector<double> share(k.size());
        double sum = 0;
        for (size_t j = 0; j < k.size(); ++j) {
          double dot = 0;
          for (size_t c = h * width; c < (h + 1) * width; ++c) dot += q[i][c] * k[j][c];
          share[j] = std::exp(dot / std::sqrt(static_cast<double>(width)));
          sum += share[j];
        }
        for (size_t j = 0; j < k.size(); ++j)
          for (size_t c = h * width; c < (h + 1) * width; ++c) out[i][c] += share[j] / sum * v[j][c];
      }
    return linear(out, name + ".to_out.0");
  }

  const TensorMap& w_;
  size_t heads_;
};

TEST(DistilledUNet, AFirstAttentionToTheTextIsWhatItIsInF64) {
  constexpr int64_t kWidth = 64, kText = 24, kHeads = 2;
  TensorMap values;
  uint32_t seed = 10;
  const auto add = [&](const std::string& name, const Shape& shape, float scale, float shift = 0) {
    values.set(name, ops::affine(made_up(shape, ++seed), scale, shift));
  };
  for (const char* norm : {"norm1", "norm2", "norm3"}) {
    add(std::string(norm) + ".weight", {kWidth}, 0.2f, 1.0f);
    add(std::string(norm) + ".bias", {kWidth}, 0.2f);
  }
  for (const std::string attention : {"attn1", "attn2"}) {
    add(attention + ".to_q.weight", {kWidth, kWidth}, 0.3f);
    add(attention + ".to_k.weight", {kWidth, kText}, 0.3f);
    add(attention + ".to_v.weight", {kWidth, kText}, 0.3f);
    add(attention + ".to_out.0.weight", {kWidth, kWidth}, 0.2f);
    add(attention + ".to_out.0.bias", {kWidth}, 0.2f);
  }
  add("ff.net.0.proj.weight", {8 * kWidth, kWidth}, 0.2f);
  add("ff.net.0.proj.bias", {8 * kWidth}, 0.2f);
  add("ff.net.2.weight", {kWidth, 4 * kWidth}, 0.1f);
  add("ff.net.2.bias", {kWidth}, 0.2f);
  auto stored = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : values) stored->set(name, tensor);
  const nn::Weights w(stored, DType::kF32, "made up");
  ASSERT_TRUE(TransformerBlock::attends_twice_to_context(w));
  const TransformerBlock block(w, {}, kHeads);
  EXPECT_TRUE(block.fits(kWidth, kText));
  EXPECT_FALSE(block.fits(kWidth, kWidth));

  const Tensor x = made_up({1, 6, kWidth}, 1), text = made_up({1, 5, kText}, 2);
  ContextProjection context;
  context.layers.push_back(block.project(text));
  const StepInfo step;
  const Evaluation e{.emb = {}, .context = &context, .hooks = {}, .step = &step};
  const Rows expected = BlockInF64(values, kHeads).run(rows_of(x), rows_of(text));
  Tensor reference = Tensor::zeros(x.shape());
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t c = 0; c < kWidth; ++c)
      reference.f32()[i * kWidth + c] = static_cast<float>(expected[static_cast<size_t>(i)][static_cast<size_t>(c)]);
  EXPECT_LE(relative_error(block(x, e, 2, 3), reference), 1e-5);
}

}  // namespace
}  // namespace easel::models
