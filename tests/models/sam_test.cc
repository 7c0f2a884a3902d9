// Segment Anything, against the same network written down in numpy (values/sam.py).
#include <gtest/gtest.h>

#include <cmath>

#include "models/detect/sam.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "synth/models/manifest.h"

namespace easel::models {
namespace {

// 0.9 sin(0.7 i + 0.011 i i + phase) at flat index i: no tensor is a sum of a few products of rows and columns.
Tensor chirps(const Shape& shape, double phase) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const auto at = static_cast<double>(i);
    t.f32()[i] = static_cast<float>(std::sin(at * 0.7 + at * at * 0.011 + phase) * 0.9);
  }
  return t;
}

// Made-up values for all tensors of a file, with phases that count up.
StoredTensors made(const synth::Manifest& manifest) {
  StoredTensors out;
  double phase = 0;
  for (const auto& [name, shape] : manifest) {
    const Tensor values = chirps(shape, phase++);
    if (shape.rank() == 1) {
      out.set(name, name.ends_with("weight") ? ops::affine(values, 0.1f, 1.0f) : ops::affine(values, 0.1f));
    } else {
      const auto inputs = static_cast<double>(shape.numel() / shape[0]);
      out.set(name, ops::affine(values, static_cast<float>(1.5 / std::sqrt(inputs))));
    }
  }
  return out;
}

const synth::SegmentPlan kSmall{.width = 24, .heads = 2, .side = 5, .windows = {2, 5}, .decoder = 32, .hidden = 48};

nn::Weights weights(const StoredTensors& file) {
  return nn::Weights(std::make_shared<const StoredTensors>(file), DType::kF32, "made");
}

std::string refusal(const StoredTensors& file) {
  try {
    SamNetwork::check(weights(file));
  } catch (const Error& e) {
    EXPECT_NE(e.fault(), Fault::kInternal) << e.message();
    return e.message();
  }
  return "nothing was refused";
}

TEST(Sam, SeesWhatTheFormulasSay) {
  const StoredTensors file = made(synth::segment_anything(kSmall));
  ASSERT_TRUE(is_sam(file));
  const SamConfig config = read_sam_config(weights(file));
  EXPECT_EQ(config.heads, 2);
  EXPECT_EQ(config.layers, 2);
  const SamNetwork network(weights(file));
  const Tensor encoded = network.encode(chirps({1, 80, 80, 3}, 0.25));
  ASSERT_EQ(encoded.shape(), (Shape{1, 5, 5, 32}));
  expect_summary(encoded.to(kHost), {{-0.37998634f, -0.49928578f, 0.56072941f, -0.72627598f}, 0.99896106}, 5e-6);
  using Role = image::SegmentPlace::Role;
  const auto expect = [&](const std::vector<image::SegmentPlace>& places, const Summary& masks,
                          const std::vector<float>& quality) {
    const SamMasks said = network.decode(encoded, places);
    ASSERT_EQ(said.masks.shape(), (Shape{1, 20, 20, 3}));
    expect_summary(said.masks, masks, 5e-6);
    ASSERT_EQ(said.quality.size(), 3u);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(said.quality[i], quality[i], 5e-6) << i;
  };
  expect({{0.3, 0.6, Role::kWanted}, {0.2, 0.4, Role::kFirst}, {0.7, 0.9, Role::kSecond}},
         {{0.060177121f, 0.095077328f, 0.37588582f, 0.21376076f}, 0.15918739},
         {0.4290433f, -0.10804162f, 0.022295624f});
  expect({{0.3, 0.6, Role::kWanted}, {0.8, 0.1, Role::kUnwanted}, {}},
         {{-0.11070373f, 0.045000183f, 0.037212289f, 0.10957766f}, 0.14328554},
         {0.12844316f, 0.28025798f, 0.25322649f});
  expect({}, {{-0.11171505f, -0.13672786f, 0.26424873f, -0.04386008f}, 0.18383847},
         {0.098880861f, 0.43216217f, 0.59939262f});
}

TEST(Sam, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(synth::segment_anything(kSmall));
  EXPECT_EQ(refusal(file), "nothing was refused");
  const auto with = [&](const std::string& name, const Shape& shape) {
    StoredTensors out = file;
    out.set(name, Tensor::zeros(shape));
    return refusal(out);
  };
  const auto without = [&](const std::string& left_out) {
    StoredTensors out;
    for (const auto& [name, tensor] : file)
      if (name != left_out) out.set(name, tensor);
    return refusal(out);
  };
  for (const char* name : {"image_encoder.blocks.1.attn.rel_pos_w", "image_encoder.neck.2.weight",
                           "prompt_encoder.point_embeddings.3.weight", "mask_decoder.transformer.layers.1.norm4.bias",
                           "mask_decoder.output_hypernetworks_mlps.2.layers.1.weight"})
    EXPECT_NE(without(name).find(name), std::string::npos) << name;
  EXPECT_NE(with("image_encoder.blocks.0.attn.rel_pos_h", {21, 12}).find("rel_pos_h"), std::string::npos);
  EXPECT_NE(with("image_encoder.pos_embed", {1, 5, 6, 24}).find("pos_embed"), std::string::npos);
  EXPECT_NE(with("image_encoder.blocks.1.mlp.lin2.weight", {24, 95}).find("lin2"), std::string::npos);
  EXPECT_NE(with("mask_decoder.iou_token.weight", {1, 30}).find("30"), std::string::npos);
  EXPECT_NE(with("mask_decoder.transformer.layers.900.norm1.weight", {32}).find("901 layers"), std::string::npos);
  EXPECT_NE(with("mask_decoder.hf_token.weight", {1, 32}).find("SAM-HQ"), std::string::npos);
}

TEST(Sam, PlacesAreThoseOfThePictureThatIsSeen) {
  // 300 x 100 becomes 1024 x 341.
  EXPECT_EQ(image::segment_size({300, 100}), (image::Size{1024, 341}));
  EXPECT_EQ(image::segment_size({10, 40}), (image::Size{256, 1024}));
  image::SegmentPrompt prompt;
  prompt.points.push_back({150, 50, true});
  auto places = image::segment_places(prompt, {300, 100});
  ASSERT_EQ(places.size(), 2u) << "without a box a place that is none is added";
  EXPECT_NEAR(places[0].x, (150 * 1024.0 / 300 + 0.5) / 1024, 1e-12);
  EXPECT_NEAR(places[0].y, (50 * 341.0 / 100 + 0.5) / 1024, 1e-12);
  EXPECT_EQ(places[1].role, image::SegmentPlace::Role::kNone);
  prompt.has_box = true;
  prompt.box = {0, 0, 300, 100};
  places = image::segment_places(prompt, {300, 100});
  ASSERT_EQ(places.size(), 3u);
  EXPECT_EQ(places[2].role, image::SegmentPlace::Role::kSecond);
  EXPECT_NEAR(places[2].x, 1024.5 / 1024, 1e-12);
  // Colours are those of ImageNet in the upper left corner, zeros elsewhere.
  image::BytePicture picture(50, 100, 3, 255);
  const Tensor pixels = image::segment_pixels(picture);
  EXPECT_NEAR(pixels.f32()[0], (255 - 123.675) / 58.395, 1e-5);
  EXPECT_NEAR(pixels.f32()[(511 * 1024 + 1023) * 3 + 2], (255 - 103.53) / 57.375, 1e-5);
  EXPECT_EQ(pixels.f32()[512 * 1024 * 3], 0.0f);
}

TEST(Sam, PointsOfAMaskAreATwentiethOfItsSidesApart) {
  // 100 x 5: every fifth column and every third row.
  Tensor mask = Tensor::full({1, 5, 100}, 0.5f);
  mask.f32()[3 * 100 + 10] = 0.9f;
  mask.f32()[3 * 100 + 11] = 0.9f;
  mask.f32()[95] = 0.0f;
  auto points = image::points_of_mask(mask, 0.7, false);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].x, 10);
  EXPECT_EQ(points[0].y, 3);
  EXPECT_TRUE(points[0].wanted);
  points = image::points_of_mask(mask, 0.7, true);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].x, 95);
  EXPECT_FALSE(points[0].wanted);
}

TEST(Sam, MasksComeBackInThePicturesSize) {
  // The left half of what the network sees, whose lower half is no picture.
  Tensor said = Tensor::full({1, 16, 16, 2}, -1.0f);
  for (int64_t y = 0; y < 16; ++y)
    for (int64_t x = 0; x < 8; ++x) said.f32()[(y * 16 + x) * 2 + 1] = 1;
  const auto masks = image::segment_masks(said, {40, 20});
  ASSERT_EQ(masks.size(), 2u);
  ASSERT_EQ(masks[1].shape(), (Shape{1, 20, 40}));
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 40; ++x) {
      EXPECT_EQ(masks[0].f32()[y * 40 + x], 0.0f);
      EXPECT_EQ(masks[1].f32()[y * 40 + x], x < 20 ? 1.0f : 0.0f) << x;
    }
}

}  // namespace
}  // namespace easel::models
