#include "models/gligen/gligen.h"

#include <gtest/gtest.h>

#include "models/checkpoint/checkpoint.h"
#include "models_support.h"
#include "numbers_support.h"
#include "unet_support.h"

namespace easel::models {
namespace {

using testing::max_difference;

constexpr int64_t kText = 12, kHidden = 20, kPlace = 64;

// Tensors whose phases count them, as in values/adapters.py.
class Numbered {
 public:
  void add(const std::string& name, const Shape& shape, float shift = 0) {
    Tensor t = sines(shape, ++count_);
    for (float& v : t.values()) v = v * 0.3f + shift;
    out.set(name, t);
  }
  void layer(const std::string& name, int64_t rows, int64_t columns) {
    add(name + ".weight", {rows, columns});
    add(name + ".bias", {rows});
  }
  void norm(const std::string& name, int64_t width) {
    add(name + ".weight", {width}, 1);
    add(name + ".bias", {width});
  }
  StoredTensors out;

 private:
  int count_ = 0;
};

// A file for two spatial transformers of 16 and 32 channels; `prefix` stands before the names of the UNet.
StoredTensors small_file(const std::string& prefix = "") {
  Numbered f;
  f.add("position_net.null_positive_feature", {kText});
  f.add("position_net.null_position_feature", {kPlace});
  f.layer("position_net.linears.0", kHidden, kText + kPlace);
  f.layer("position_net.linears.2", kHidden, kHidden);
  f.layer("position_net.linears.4", kText, kHidden);
  for (const auto& [block, c] : {std::pair<const char*, int64_t>{"input_blocks.4", 16}, {"output_blocks.11", 32}}) {
    const std::string p = prefix + block + ".1.transformer_blocks.0.fuser";
    f.add(p + ".alpha_attn", {1});
    f.add(p + ".alpha_dense", {1});
    f.layer(p + ".linear", c, kText);
    for (const char* part : {".attn.to_q.weight", ".attn.to_k.weight", ".attn.to_v.weight"}) f.add(p + part, {c, c});
    f.layer(p + ".attn.to_out.0", c, c);
    f.layer(p + ".ff.net.0.proj", 8 * c, c);
    f.layer(p + ".ff.net.2", c, 4 * c);
    f.norm(p + ".norm1", c);
    f.norm(p + ".norm2", c);
  }
  return f.out;
}

std::vector<GligenBox> two_boxes() {
  return {{.text = sines({1, kText}, 50), .height = 8, .width = 16, .y = 4, .x = 10},
          {.text = sines({1, kText}, 51), .height = 24, .width = 5, .y = 0, .x = 35}};
}

ModelHandle model_in(memory::Residency& residency, const char* name) {
  return load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints" / name), residency, DType::kF32)
      .model;
}

// Expected values: values/adapters.py.
TEST(Gligen, ComputesWhatItsFormulasSay) {
  memory::Residency residency;
  const GligenHandle handle = load_gligen(residency, small_file("model.diffusion_model."), DType::kF32, "small");
  EXPECT_EQ(handle.text_width, kText);
  EXPECT_EQ(handle.widths, (std::vector<int64_t>{16, 32}));
  const auto net = handle.model->get();
  EXPECT_EQ(net->bytes(), handle.model->estimated_bytes());
  const Tensor tokens = net->tokens(two_boxes(), 24, 40);
  ASSERT_EQ(tokens.shape(), (Shape{1, kMostBoxes, kText}));
  expect_summary(tokens, {{0.3680775f, -0.0999140f, 0.4498073f, -0.1674058f}, 0.2732920}, 2e-6);
  expect_summary(net->fuse(0, sines({2, 15, 16}, 90), tokens, 2),
                 {{0.5230365f, 0.2008164f, -0.2315145f, -1.3352567f}, 0.8468229}, 3e-6);
  expect_summary(net->fuse(1, sines({2, 15, 32}, 91), tokens, 4),
                 {{4.7894822f, -3.5363732f, 3.0047358f, -1.3802752f}, 4.4884235}, 2e-5);
}

TEST(Gligen, InHalfPrecisionIsNear) {
  memory::Residency residency;
  const auto exact = load_gligen(residency, small_file(), DType::kF32, "small").model->get();
  const auto half = load_gligen(residency, small_file(), DType::kBF16, "small").model->get();
  const Tensor tokens = exact->tokens(two_boxes(), 24, 40), x = sines({2, 15, 32}, 91);
  EXPECT_LE(testing::relative_error(half->fuse(1, x, tokens, 4), exact->fuse(1, x, tokens, 4)), 1e-2);
}

TEST(Gligen, RefusesTooManyBoxesAndOtherTexts) {
  memory::Residency residency;
  const auto net = load_gligen(residency, small_file(), DType::kF32, "small").model->get();
  std::vector<GligenBox> boxes(static_cast<size_t>(kMostBoxes), two_boxes()[0]);
  EXPECT_NO_THROW(net->tokens(boxes, 24, 40));
  boxes.push_back(boxes[0]);
  EXPECT_THROW(net->tokens(boxes, 24, 40), Error);
  EXPECT_THROW(net->tokens({{.text = sines({1, 13}, 0), .height = 1, .width = 1}}, 24, 40), Error);
}

// What a hook is asked in a run: the spatial transformers in the order of execution, and their widths.
class Recorder final : public AttentionHook {
 public:
  Tensor between_attentions(const AttentionSite& site, const StepInfo&, const Tensor& x) const override {
    seen.emplace_back(site.spatial, x.dim(2));
    return x;
  }
  mutable std::vector<std::pair<int, int64_t>> seen;
};

TEST(Gligen, KnowsTheTransformersOfAUNetInTheirOrder) {
  memory::Residency residency;
  const auto file = formats::open_model_file(tiny_models_dir() / "gligen/gligen_sd14_textbox_pruned.safetensors");
  const GligenHandle handle = load_gligen(residency, *file.tensors, DType::kF32, "gligen");
  ASSERT_EQ(handle.widths.size(), 16U);

  const UNet unet(tiny_weights("checkpoints/v1-5-pruned-emaonly.safetensors", DType::kF32)["model"]["diffusion_model"]);
  const auto recorder = std::make_shared<const Recorder>();
  const std::vector<AttentionHookPtr> hooks = {recorder};
  UNetInputs in = made_up_inputs(unet, {1, 8, 8, 4});
  const Tensor plain = unet.forward(in);
  in.hooks = hooks;
  EXPECT_EQ(max_difference(unet.forward(in), plain), 0.0);
  ASSERT_EQ(recorder->seen.size(), handle.widths.size());
  for (size_t i = 0; i < handle.widths.size(); ++i) {
    EXPECT_EQ(recorder->seen[i].first, static_cast<int>(i));
    EXPECT_EQ(recorder->seen[i].second, handle.widths[i]);
  }

  // Boxes change the result, and it matters where they are.
  const auto with = [&](int64_t x) {
    GligenBoxes boxes{handle, {{.text = sines({1, handle.text_width}, 1), .height = 4, .width = 4, .y = 2, .x = x}}};
    const std::vector<AttentionHookPtr> own = {gligen_hook(boxes, 8, 8)};
    UNetInputs inputs = made_up_inputs(unet, {1, 8, 8, 4});
    inputs.hooks = own;
    return unet.forward(inputs);
  };
  EXPECT_GT(max_difference(with(0), plain), 1e-3);
  EXPECT_GT(max_difference(with(4), with(0)), 1e-4);
}

TEST(Gligen, SaysWhichModelItFits) {
  memory::Residency residency;
  const auto file = formats::open_model_file(tiny_models_dir() / "gligen/gligen_sd14_textbox_pruned.safetensors");
  const GligenHandle handle = load_gligen(residency, *file.tensors, DType::kF32, "gligen.safetensors");
  EXPECT_FALSE(gligen_mismatch(handle, model_in(residency, "v1-5-pruned-emaonly.safetensors")));
  const auto misfit = gligen_mismatch(handle, model_in(residency, "sd_xl_base_1.0.safetensors"));
  ASSERT_TRUE(misfit);
  EXPECT_NE(misfit->message().find("gligen.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace easel::models
