// Networks that enlarge pictures by attention, against the same written down in numpy (values/upscale_networks.py).
#include <gtest/gtest.h>

#include "made_networks.h"
#include "models/upscale/upscaler.h"
#include "synth/models/networks/upscale_manifest.h"

namespace easel::models {
namespace {

using synth::Painting;

Tensor shown(int64_t height, int64_t width) { return ops::affine(sines({1, height, width, 3}, 0.25), 0.5f, 0.5f); }

StoredTensors below(const std::string& prefix, const StoredTensors& file) {
  StoredTensors out;
  for (const auto& [name, tensor] : file) out.set(prefix + name, tensor);
  return out;
}

// As a file is loaded, from names that trainers put something before.
Upscaler upscaler(const StoredTensors& file, TransformerKind kind) {
  const auto tensors = upscaler_tensors(below("params_ema.", file));
  if (!tensors) throw Error(Fault::kInternal, "not recognised");
  const nn::Weights w(tensors, DType::kBF16, "made");  // computes in f32 all the same
  EXPECT_EQ(read_upscaler_config(w).transformer, kind);
  return Upscaler(w);
}

synth::SwinPlan swin(int64_t heads, int64_t window, int64_t scale, std::vector<int> groups, Painting painting,
                     bool narrow = false) {
  return {.width = 12,
          .heads = heads,
          .window = window,
          .scale = scale,
          .features = 8,
          .groups = std::move(groups),
          .painting = painting,
          .narrow = narrow};
}

TEST(TransformerUpscaler, SwinIrEnlargesAsTheFormulasSay) {
  const auto of = [](const synth::SwinPlan& plan, int64_t height, int64_t width) {
    const Upscaler network = upscaler(made(synth::swin_ir(plan), 2), TransformerKind::kSwinIr);
    EXPECT_EQ(network.config().scale, plan.scale);
    return network.forward(shown(height, width));
  };
  const Tensor pixels = of(swin(3, 4, 4, {2, 1}, Painting::kPixels), 6, 10);
  EXPECT_EQ(pixels.shape(), (Shape{1, 24, 40, 3}));
  expect_summary(pixels, {{-7.0708008f, -7.1373729f, -18.38541f, 7.5958346f}, 17.042458}, 3e-4);
  expect_summary(of(swin(3, 4, 4, {2}, Painting::kNearest, true), 6, 10),
                 {{-38.209814f, -42.524537f, -21.157613f, 71.174531f}, 125.80938}, 2e-3);
  expect_summary(of(swin(2, 4, 3, {2}, Painting::kDirect), 6, 10),
                 {{1.5348933f, -1.7847211f, 3.6125175f, -2.0436818f}, 2.5658089}, 1e-4);
  expect_summary(of(swin(2, 7, 1, {2}, Painting::kDifference), 10, 12),
                 {{-0.094880744f, 0.093262209f, 0.75145587f, 0.6107311f}, 0.66186358}, 1e-4);
}

TEST(TransformerUpscaler, HatEnlargesAsTheFormulasSay) {
  const StoredTensors file = made(synth::hat(swin(3, 4, 2, {2, 1}, Painting::kPixels)), 2);
  const Upscaler network = upscaler(file, TransformerKind::kHat);
  const Tensor out = network.forward(shown(6, 10));
  EXPECT_EQ(out.shape(), (Shape{1, 12, 20, 3}));
  expect_summary(out, {{-0.77353286f, -0.22212388f, -7.6906595f, 4.6919358f}, 5.2167325}, 2e-4);
  // Each picture of a batch by itself.
  const Tensor both = network.forward(ops::concat({shown(6, 10), ops::affine(shown(6, 10), -1.0f, 1.0f)}, 0));
  expect_summary(both.slice(0, 0, 1), {{-0.77353286f, -0.22212388f, -7.6906595f, 4.6919358f}, 5.2167325}, 2e-4);
}

// With the ways between the pixels of windows of 2 x 4, and of 4 x 2, which are no weights.
StoredTensors small_dat() {
  StoredTensors file = made(
      synth::dat({.width = 32, .heads = 4, .scale = 2, .features = 8, .inner = 3, .window = {2, 4}, .groups = {3, 1}}),
      2);
  for (const auto& [name, stored] : StoredTensors(file)) {
    if (!name.ends_with("rpe_biases")) continue;
    const bool lies = name.find("attns.0") != std::string::npos;
    const int64_t rows = lies ? 2 : 4, columns = lies ? 4 : 2;
    std::vector<float> ways;
    for (int64_t y = 1 - rows; y < rows; ++y)
      for (int64_t x = 1 - columns; x < columns; ++x)
        for (const int64_t way : {y, x}) ways.push_back(static_cast<float>(way));
    file.set(name, Tensor::of({static_cast<int64_t>(ways.size()) / 2, 2}, ways));
  }
  return file;
}

TEST(TransformerUpscaler, DatEnlargesAsTheFormulasSay) {
  const Tensor out = upscaler(small_dat(), TransformerKind::kDat).forward(shown(6, 9));
  EXPECT_EQ(out.shape(), (Shape{1, 12, 18, 3}));
  expect_summary(out, {{1.0227885f, 0.989854f, 1.5147298f, 1.0169494f}, 1.3758024}, 5e-5);
}

TEST(TransformerUpscaler, OmniSrEnlargesAsTheFormulasSay) {
  const StoredTensors file =
      made(synth::omni_sr({.width = 16, .window = 4, .scale = 2, .groups = 2, .blocks = 1, .narrow = 5}), 1.5);
  const Upscaler network = upscaler(file, TransformerKind::kOmniSr);
  const Tensor out = network.forward(shown(18, 22));
  EXPECT_EQ(out.shape(), (Shape{1, 36, 44, 3}));
  expect_summary(out, {{-1.6627243f, -0.40123374f, -0.4351113f, 1.7182452f}, 1.2887413}, 5e-5);
  EXPECT_EQ(network.forward(shown(3, 5)).shape(), (Shape{1, 6, 10, 3})) << "smaller than what is seen at once";
}

// Scores between all pixels of a window are kept for each block, and are foreseen before they are made.
TEST(TransformerUpscaler, CountsWhatItKeepsOfItsWindows) {
  const auto of = [](int64_t window) {
    const StoredTensors file = made(synth::swin_ir(swin(3, window, 4, {2}, Painting::kPixels)), 1);
    const auto tensors = std::make_shared<const StoredTensors>(file);
    const size_t foreseen = Upscaler(nn::Weights(tensors, DType::kF32, "made", ops::Packer::measure())).bytes();
    EXPECT_EQ(foreseen, Upscaler(weights(file)).bytes());
    return foreseen;
  };
  constexpr size_t kBlocks = 2, kHeads = 3;
  EXPECT_EQ(of(8) - of(4), kBlocks * kHeads * (64 * 64 - 16 * 16) * sizeof(float));
}

TEST(TransformerUpscaler, NamesWhatIsWrongWithAFile) {
  const auto of = [](const StoredTensors& f) { return refusal([&] { Upscaler::check(weights(f)); }); };
  const auto names = [&](const StoredTensors& file, const char* missing, const char* wrong, const Shape& shape) {
    EXPECT_NE(of(without(file, missing)).find(missing), std::string::npos) << of(without(file, missing));
    EXPECT_NE(of(with(file, wrong, shape)).find(wrong), std::string::npos) << of(with(file, wrong, shape));
    EXPECT_NE(of(with(file, wrong, {5})).find(wrong), std::string::npos);
  };
  const StoredTensors swin_ir = made(synth::swin_ir(swin(3, 4, 4, {2, 1}, Painting::kPixels)), 1),
                      hat = made(synth::hat(swin(3, 4, 2, {2, 1}, Painting::kPixels)), 1), dat = small_dat(),
                      omni = made(synth::omni_sr({.width = 16, .window = 4, .scale = 2, .groups = 1}), 1);
  names(swin_ir, "layers.1.conv.bias", "layers.0.residual_group.blocks.1.attn.qkv.weight", {30, 12});
  names(swin_ir, "patch_embed.norm.weight", "layers.0.residual_group.blocks.0.attn.relative_position_bias_table",
        {48, 3});
  names(hat, "layers.0.residual_group.overlap_attn.norm2.bias",
        "layers.0.residual_group.overlap_attn.relative_position_bias_table", {64, 3});
  names(dat, "layers.0.blocks.1.attn.temperature", "layers.0.blocks.0.attn.attns.0.rpe_biases", {22, 2});
  names(omni, "residual_layer.0.esa.conv4.weight", "up.0.weight", {13, 16, 3, 3});
  EXPECT_NE(of(with(swin_ir, "layers.200.conv.weight", {12, 12, 3, 3})).find("201"), std::string::npos);
  EXPECT_NE(of(with(swin_ir, "conv_first.weight", {12, 4, 3, 3})).find("4 channels"), std::string::npos);
  EXPECT_NE(of(with(swin_ir, "absolute_pos_embed", {1, 64, 12})).find("SwinIR"), std::string::npos);
  EXPECT_NE(of(with(swin_ir, "layers.0.residual_group.blocks.0.attn.relative_position_bias_table", {65 * 65, 3}))
                .find("is for no window"),
            std::string::npos);
  EXPECT_EQ(transformer_kind(StoredTensors()), std::nullopt);
}

}  // namespace
}  // namespace easel::models
