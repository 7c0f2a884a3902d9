#include "models/vision/clip_vision.h"

#include <gtest/gtest.h>

#include "formats/tensors/model_file.h"
#include "models/text/clip_keys.h"
#include "models/vision/style_model.h"
#include "models_support.h"
#include "numbers_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::relative_error;

struct Case {
  const char* name;  // in the golden file
  const char* file;
  const char* tower;
  bool hidden_states;  // the golden file has them, too
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ClipVisionGoldens : public ::testing::TestWithParam<Case> {};

TEST_P(ClipVisionGoldens, MatchTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("clip_vision.safetensors");
  const Tensor pixels = to_channels_last(*golden.find("clip_vision.pixels"));
  const auto file = formats::open_model_file(tiny_models_dir() / GetParam().file);
  const std::string key = std::string("clip_vision.") + GetParam().name + ".";
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    memory::Residency residency;
    const ClipVisionHandle handle = find_clip_vision(residency, *file.tensors, compute, GetParam().file);
    const auto model = handle.model->get();
    EXPECT_STREQ(model->config().name(), GetParam().tower);
    EXPECT_EQ(handle.image_size, 224);
    const ClipVisionOutput out = model->encode(pixels);
    const double limit = compute == DType::kF32 ? 1e-5 : 1e-2;
    EXPECT_LE(relative_error(out.image_embeds, *golden.find(key + "image_embeds")), limit);
    if (!GetParam().hidden_states) continue;
    EXPECT_LE(relative_error(out.penultimate_hidden_states, *golden.find(key + "penultimate")), limit);
    EXPECT_LE(relative_error(out.last_hidden_state, *golden.find(key + "last_hidden_state")), limit);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ClipVisionGoldens,
                         ::testing::Values(Case{"l", "clip_vision/style_pytorch_model.bin", "ViT-L/14", true},
                                           Case{"h", "clip_vision/IP-Adapter_sd15_pytorch_model.bin", "ViT-H/14", true},
                                           Case{"g", "clip_vision/clip_vision_g.safetensors", "ViT-bigG/14", true},
                                           Case{"unclip_h", "checkpoints/sd21-unclip-h.ckpt", "ViT-H/14", false},
                                           Case{"unclip_l", "checkpoints/sd21-unclip-l.ckpt", "ViT-L/14", false}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(ClipVision, ABatchIsItsImagesOneByOne) {
  EASEL_NEEDS_SHARED();
  const auto file =
      formats::open_model_file(tiny_models_dir() / "clip_vision/IPAdapter_image_encoder_sd15.safetensors");
  memory::Residency residency;
  const ClipVisionHandle handle = find_clip_vision(residency, *file.tensors, DType::kF32, "h");
  Tensor images(Shape{2, 40, 60, 3});
  for (int64_t i = 0; i < images.numel(); ++i) images.f32()[i] = static_cast<float>(i * 37 % 256) / 255.0f;
  const ClipVisionOutput both = encode_images(handle, images),
                         second = encode_images(handle, contiguous(images.slice(0, 1, 1)));
  EXPECT_EQ(testing::max_difference(contiguous(both.image_embeds.slice(0, 1, 1)), second.image_embeds), 0.0);
  EXPECT_EQ(testing::max_difference(contiguous(both.last_hidden_state.slice(0, 1, 1)), second.last_hidden_state), 0.0);
  // The same picture again comes from memory, another crop does not.
  EXPECT_EQ(encode_images(handle, images).image_embeds.raw(), both.image_embeds.raw());
  EXPECT_GT(
      testing::max_difference(encode_images(handle, images, image::ClipCrop::kNone).image_embeds, both.image_embeds),
      1e-4);
}

TEST(StyleModel, MatchesTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("conditioning_style.golden.safetensors");
  const auto file = formats::open_model_file(tiny_models_dir() / "style_models/coadapter-style-sd15v1.pth");
  memory::Residency residency;
  const StyleModelHandle style = load_style_model(residency, *file.tensors, DType::kF32, "coadapter-style-sd15v1.pth");
  ClipVisionOutput image;
  Tensor styled;
  for (const auto& [name, tensor] : golden) {
    if (name.ends_with("last_hidden_state")) image.last_hidden_state = tensor;
    if (name.ends_with(".cond") && tensor.dim(1) == 85) styled = tensor;
  }
  ASSERT_TRUE(styled.defined());
  EXPECT_LE(relative_error(style_tokens(style, image), contiguous(styled.slice(1, 77, 8))), 1e-5);
  EXPECT_FALSE(style_mismatch(style, nullptr, 128, "sd15.safetensors"));
  EXPECT_NE(style_mismatch(style, nullptr, 192, "sd21.ckpt").value().message().find("192"), std::string::npos);
}

TEST(ClipVision, IsFoundInAnOpenClipFile) {
  const auto file = formats::open_model_file(tiny_models_dir() / "checkpoints/sd21-unclip-h.ckpt");
  const std::string prefix = "embedder.model.";
  StoredTensors alone;
  for (const auto& [name, tensor] : *file.tensors)
    if (name.starts_with(prefix)) alone.set(name.substr(prefix.size()), tensor);
  memory::Residency residency;
  EXPECT_EQ(find_clip_vision(residency, alone, DType::kF32, "x").projection_dim, 80);
  const Tensor pixels = sines({1, 224, 224, 3}, 0);
  const auto embeds = [&](const StoredTensors& map) {
    return find_clip_vision(residency, map, DType::kF32, "x").model->get()->encode(pixels).image_embeds;
  };
  EXPECT_EQ(testing::max_difference(embeds(alone), embeds(*file.tensors)), 0.0);
}

}  // namespace
}  // namespace easel::models
