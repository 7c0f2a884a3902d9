#include "models/vae/vae.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/vae/vae_keys.h"
#include "models_support.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::max_difference;
using testing::relative_error;

const char* const kSd15 = "vae/vae-ft-mse-840000-ema-pruned.safetensors";
const char* const kSdxl = "vae/sdxl_vae.safetensors";

nn::Weights vae_weights(const std::string& file, DType compute) {
  return nn::Weights(vae_tensors(*formats::open_model_file(tiny_models_dir() / file).tensors), compute, file);
}

// Peak signal to noise ratio of pictures in 0..1.
double psnr(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.numel(); ++i) sum += std::pow(static_cast<double>(a.f32()[i]) - b.f32()[i], 2);
  return -10 * std::log10(sum / static_cast<double>(a.numel()));
}

TEST(Vae, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("vae.safetensors");
  for (const auto& [name, file] : {std::pair{"sd15", kSd15}, std::pair{"sdxl", kSdxl}}) {
    const std::string key = std::string("vae.") + name;
    const Vae vae(vae_weights(file, DType::kF32)), narrow(vae_weights(file, DType::kBF16));
    const Tensor latent = vae.encode(*golden.find("pixels"));
    const Tensor expected = to_channels_last(*golden.find(key + ".encode"));
    EXPECT_LE(relative_error(latent, expected), 1e-5) << name;
    EXPECT_LE(relative_error(narrow.encode(*golden.find("pixels")), expected), 3e-2) << name;
    const Tensor picture = vae.decode(expected);
    EXPECT_LE(relative_error(picture, *golden.find(key + ".decode")), 1e-5) << name;
    EXPECT_GE(psnr(narrow.decode(expected), picture), 35) << name;
  }
}

TEST(Vae, KnownValues) {
  const Vae vae(vae_weights(kSd15, DType::kF32));
  EXPECT_EQ(vae.config().downscale, 8);
  EXPECT_EQ(vae.config().latent_channels, 4);
  expect_values(vae.decode(made_up({1, 3, 2, 4}, 4)),
                {0.4739272, 0.4242701, 0.5599391, 0.4718128, 0.3418409, 0.4685823}, 16.795769);
  // 19 x 26 pixels are cut to 16 x 24, one row and one column from the near side.
  const Tensor latent = vae.encode(ops::affine(made_up({1, 19, 26, 3}, 5), 0.5f, 0.5f));
  EXPECT_EQ(latent.shape(), (Shape{1, 2, 3, 4}));
  expect_values(latent, {0.09279315, -0.005047016, 0.09346749, -0.009318138, 0.1068638, 0.1356339}, 0.49405957);
}

TEST(Vae, RowsDoNotDependOnOneAnother) {
  const Vae vae(vae_weights(kSd15, DType::kF32));
  const Tensor latent = made_up({2, 3, 2, 4}, 4);
  const Tensor both = vae.decode(latent);
  EXPECT_EQ(max_difference(vae.decode(latent.slice(0, 1, 1)), both.slice(0, 1, 1)), 0);
  const Tensor four = ops::concat({both, made_up({2, 24, 16, 1}, 1)}, 3);
  EXPECT_EQ(max_difference(vae.encode(four), vae.encode(both)), 0) << "a fourth channel is ignored";
}

TEST(Vae, PicturesTooSmallOrLatentsOfAnotherKindAreRefused) {
  const Vae vae(vae_weights(kSd15, DType::kF32));
  EXPECT_THROW(vae.encode(made_up({1, 7, 40, 3}, 1)), Error);
  EXPECT_THROW(vae.decode(made_up({1, 4, 4, 16}, 1)), Error);
  EXPECT_THROW(vae.decode_tiled(made_up({1, 4, 4, 4}, 1), 32, 16), Error);
  EXPECT_THROW(vae.encode_tiled(made_up({1, 64, 64, 3}, 1), 100, 16), Error);
}

// Mean difference between each row and the one before, first channel.
std::vector<double> steps_between_rows(const Tensor& picture) {
  const int64_t h = picture.dim(1), w = picture.dim(2);
  std::vector<double> steps;
  for (int64_t y = 1; y < h; ++y) {
    double sum = 0;
    for (int64_t x = 0; x < w; ++x) {
      const auto at = [&](int64_t row) { return static_cast<double>(picture.f32()[(row * w + x) * 3]); };
      sum += std::abs(at(y) - at(y - 1));
    }
    steps.push_back(sum / static_cast<double>(w));
  }
  return steps;
}

TEST(Vae, TilesUnderAMemoryBudgetBlendWithoutSeams) {
  const Vae vae(vae_weights(kSd15, DType::kF32));
  Tensor latent({1, 44, 16, 4});
  for (int64_t i = 0; i < latent.numel(); ++i)
    latent.f32()[i] = std::sin(0.05f * static_cast<float>(i / 64) + 0.07f * static_cast<float>(i / 4 % 16 + i % 4));
  const size_t whole = vae.decode_memory_estimate(44, 16);
  int calls = 0, total = 0;
  VaeRun run{.memory_budget = whole - 1, .progress = [&](int done, int all) {
               EXPECT_EQ(done, ++calls);
               total = all;
             }};
  const Tensor tiled = vae.decode(latent, run), plain = vae.decode(latent);
  EXPECT_EQ(calls, total);
  EXPECT_GT(calls, 1);
  // With made-up weights a tile's statistics differ from the whole's, and so does its picture; but it must pass
  // into its neighbour without a step.
  const std::vector<double> steps = steps_between_rows(tiled), reference = steps_between_rows(plain);
  EXPECT_LE(*std::max_element(steps.begin(), steps.end()), 1.3 * *std::max_element(reference.begin(), reference.end()));
  run.memory_budget = whole;
  calls = 0;
  EXPECT_EQ(max_difference(vae.decode(latent, run), plain), 0) << "what fits is not cut";
  EXPECT_EQ(total, 1);
}

TEST(Vae, EstimateCoversWhatIsUsed) {
  const Vae vae(vae_weights(kSd15, DType::kF32));
  const Tensor latent = made_up({1, 24, 16, 4}, 1);
  vae.decode(latent);
  const size_t before = pool_stats().live_bytes;
  reset_pool_peak();
  vae.decode(latent);
  const size_t used = pool_stats().peak_bytes - before, estimate = vae.decode_memory_estimate(24, 16);
  EXPECT_LE(used, estimate);
  EXPECT_GE(2 * used, estimate);
}

// The names of the diffusers library for the same tensors, by its rules.
TEST(VaeKeys, DiffusersLayoutIsRecognised) {
  const auto original = vae_tensors(*formats::open_model_file(tiny_models_dir() / kSd15).tensors);
  const auto other = [](std::string name) {
    const auto swap = [&name](const std::string& from, const std::string& to) {
      if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    };
    swap("nin_shortcut", "conv_shortcut");
    swap("norm_out", "conv_norm_out");
    swap("mid.block_1", "mid_block.resnets.0");
    swap("mid.block_2", "mid_block.resnets.1");
    swap("mid.attn_1.norm", "mid_block.attentions.0.group_norm");
    swap("mid.attn_1.q", "mid_block.attentions.0.to_q");
    swap("mid.attn_1.k", "mid_block.attentions.0.to_k");
    swap("mid.attn_1.v", "mid_block.attentions.0.to_v");
    swap("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0");
    for (int i = 0; i < 4; ++i) {
      const std::string n = std::to_string(i), up = std::to_string(3 - i);
      swap("encoder.down." + n + ".block.", "encoder.down_blocks." + n + ".resnets.");
      swap("encoder.down." + n + ".downsample.", "encoder.down_blocks." + n + ".downsamplers.0.");
      swap("decoder.up." + up + ".block.", "decoder.up_blocks." + n + ".resnets.");
      swap("decoder.up." + up + ".upsample.", "decoder.up_blocks." + n + ".upsamplers.0.");
    }
    return name;
  };
  StoredTensors diffusers;
  for (const auto& [name, tensor] : *original) {
    const bool matrix = name.find("mid.attn_1.") != std::string::npos && tensor.rank() == 4;
    diffusers.set(other(name), matrix ? tensor.matrix() : tensor);
  }
  const auto back = vae_tensors(diffusers);
  ASSERT_TRUE(back);
  for (const auto& [name, tensor] : *original) {
    ASSERT_TRUE(back->contains(name)) << name;
    EXPECT_EQ(back->find(name)->data(), tensor.data()) << name;
  }
  const Vae vae(nn::Weights(back, DType::kF32, "x")), same(nn::Weights(original, DType::kF32, "x"));
  const Tensor latent = made_up({1, 2, 2, 4}, 1);
  EXPECT_EQ(max_difference(vae.decode(latent), same.decode(latent)), 0);
  EXPECT_EQ(vae_tensors(StoredTensors()), nullptr);
}

}  // namespace
}  // namespace easel::models
