// Networks that make hints out of pictures, and one that enlarges latents, against the same written down in numpy
// (values/hint_networks.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "image/hints/hints.h"
#include "made_networks.h"
#include "models/hints/depth_anything.h"
#include "models/hints/people.h"
#include "models/hints/pose_network.h"
#include "models/hints/soft_edges.h"
#include "models/hints/zoe_depth.h"
#include "models/upscale/latent_resizer.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "synth/models/manifest.h"

namespace easel::models {
namespace {

TEST(PoseNetwork, SeesWhatTheFormulasSay) {
  const Tensor pixels = ops::affine(sines({1, 16, 24, 3}, 0.25), 0.5f);
  const StoredTensors bodies = made(synth::pose_of_bodies(4), 2.2);
  ASSERT_EQ(pose_kind(bodies), PoseKind::kBody);
  const PoseMaps maps = PoseNetwork(weights(bodies)).forward(pixels);
  EXPECT_EQ(maps.heat.shape(), (Shape{1, 2, 3, 19}));
  expect_summary(maps.fields, {{0.26700373f, 0.35150684f, 0.26127173f, 0.24385395f}, 0.23296959}, 1e-6);
  expect_summary(maps.heat, {{0.14083836f, 0.11212769f, 0.23928684f, 0.15610105f}, 0.10246228}, 1e-6);

  const StoredTensors hands = made(synth::pose_of_parts(4, 22), 2.2);
  ASSERT_EQ(pose_kind(hands), PoseKind::kHand);
  const PoseMaps hand = PoseNetwork(weights(hands)).forward(pixels);
  EXPECT_FALSE(hand.fields.defined());
  expect_summary(hand.heat, {{0.20937797f, 0.25859261f, 0.02960484f, 0.10824436f}, 0.95605851}, 2e-6);
  EXPECT_EQ(pose_kind(made(synth::pose_of_parts(4, 71), 1)), PoseKind::kFace);
  EXPECT_EQ(pose_kind(made(synth::pose_of_parts(4, 30), 1)), PoseKind::kNone);
}

TEST(PoseNetwork, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(synth::pose_of_bodies(4), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { PoseNetwork::check(weights(f)); }); };
  EXPECT_NE(of(without(file, "Mconv3_stage4_L2.weight")).find("Mconv3_stage4_L2.weight"), std::string::npos);
  EXPECT_NE(of(without(file, "conv3_1.bias")).find("conv3_1.bias"), std::string::npos);
  EXPECT_NE(of(with(file, "conv2_2.weight", {8, 7, 3, 3})).find("conv2_2.weight"), std::string::npos);
  EXPECT_NE(of(with(file, "conv2_2.weight", {8, 8, 99, 99})).find("conv2_2.weight"), std::string::npos);
  EXPECT_NE(of(with(file, "conv2_2.weight", {8, 0, 3, 3})).find("conv2_2.weight"), std::string::npos);
  EXPECT_NE(of(with(file, "conv2_2.bias", {5})).find("conv2_2.weight"), std::string::npos);
  EXPECT_NE(of(with(file, "Mconv7_stage6_L2.weight", {20, 8, 1, 1})).find("Mconv7_stage6_L2"), std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_pose_network(residency, file, PoseKind::kHand, "hand_pose_model.pth"); }).find("hands"),
            std::string::npos);
}

// A network that passes on how bright the picture is: the first channel of each layer is that of the layer before, that
// of the trunk behind a stage's own maps, and all of the last ones are equal.
StoredTensors brightness_of_parts(int64_t parts) {
  StoredTensors out;
  for (const auto& [name, shape] : synth::pose_of_parts(4, parts)) {
    Tensor values = Tensor::zeros(shape);
    if (name == "conv1_1.bias") values.f32()[0] = 0.5f;
    if (shape.rank() == 4) {
      const int64_t from = name.starts_with("Mconv1_") ? parts : 0, window = shape[2] * shape[3];
      const int64_t copies = name.starts_with("Mconv7_") || name.starts_with("conv6_2") ? shape[0] : 1;
      for (int64_t o = 0; o < copies; ++o) values.f32()[(o * shape[1] + from) * window + window / 2] = 1;
    }
    out.set(name, values);
  }
  return out;
}

TEST(PoseNetwork, HandsAndFacesAreFoundWhereTheirPiecesSay) {
  image::BytePicture picture(200, 240, 3);
  constexpr int64_t kX = 130, kY = 90;
  for (int64_t y = 0; y < 200; ++y)
    for (int64_t x = 0; x < 240; ++x)
      if ((x - kX) * (x - kX) + (y - kY) * (y - kY) < 64)
        for (int64_t c = 0; c < 3; ++c) picture.at(y, x)[c] = 255;
  memory::Residency residency;
  const image::Square place{80, 40, 100};
  const auto expect_near = [](const image::SmallParts& parts, size_t count) {
    ASSERT_EQ(parts.size(), count);
    for (const image::SmallPart& part : parts) {
      EXPECT_NEAR(part.x * 240, kX, 8);
      EXPECT_NEAR(part.y * 200, kY, 8);
    }
  };
  const PoseHandle hand = load_pose_network(residency, brightness_of_parts(22), PoseKind::kHand, "hand"),
                   face = load_pose_network(residency, brightness_of_parts(71), PoseKind::kFace, "face");
  expect_near(hand_in(residency, hand, picture, place), 21);
  expect_near(face_in(residency, face, picture, place), 71);
  // Where it is black there is no face; a hand's parts are then before the picture.
  const image::Square dark{0, 100, 60};
  EXPECT_TRUE(face_in(residency, face, picture, dark).empty());
  for (const image::SmallPart& part : hand_in(residency, hand, picture, dark)) EXPECT_LT(part.x, 0);
}

synth::Manifest depth_manifest() { return synth::depth_anything({128, 12, 20, {16, 32, 64, 128}}); }

TEST(DepthNetwork, SeesWhatTheFormulasSay) {
  const StoredTensors file = made(depth_manifest(), 1.5);
  ASSERT_TRUE(is_depth_network(file));
  const DepthNetwork network(weights(file));
  EXPECT_EQ(network.config().heads, 2);
  const Tensor near = network.forward(sines({1, 28, 42, 3}, 0.25));
  EXPECT_EQ(near.shape(), (Shape{1, 28, 42, 1}));
  expect_summary(near, {{0, 0, 0.017197542f, 0.047239711f}, 0.024735769}, 1e-6);
}

TEST(DepthNetwork, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(depth_manifest(), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { DepthNetwork::check(weights(f)); }); };
  for (const char* name : {"pretrained.blocks.7.ls1.gamma", "pretrained.cls_token", "depth_head.projects.2.weight",
                           "depth_head.scratch.refinenet2.resConfUnit1.conv1.weight",
                           "depth_head.resize_layers.1.weight", "depth_head.scratch.layer3_rn.weight"})
    EXPECT_NE(of(without(file, name)).find(name), std::string::npos) << name;
  EXPECT_NE(of(with(file, "pretrained.pos_embed", {1, 1371, 128})).find("positions"), std::string::npos);
  EXPECT_NE(of(with(file, "depth_head.resize_layers.0.weight", {16, 16, 3, 4})).find("resize_layers.0"),
            std::string::npos);
  EXPECT_NE(of(with(file, "pretrained.blocks.3.attn.qkv.weight", {128, 128})).find("qkv"), std::string::npos);
  EXPECT_NE(of(with(file, "pretrained.blocks.0.mlp.w12.weight", {4, 4})).find("gated"), std::string::npos);
  EXPECT_NE(of(with(file, "pretrained.blocks.14.norm1.weight", {128})).find("15 layers"), std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_depth_network(residency, StoredTensors(), "x.pth"); }).find("Depth Anything"),
            std::string::npos);
}

synth::Manifest zoe_manifest() { return synth::zoe_depth({128, 12, 32, {16, 24, 32, 40}}); }

TEST(ZoeNetwork, SeesWhatTheFormulasSay) {
  const StoredTensors file = made(zoe_manifest(), 6);  // so that the pixels differ
  ASSERT_TRUE(is_zoe_network(file));
  const ZoeNetwork network(weights(file));
  EXPECT_EQ(network.config().heads, 2);
  EXPECT_EQ(network.config().grid, 24);
  const Tensor metres = network.forward(sines({1, 64, 96, 3}, 0.25));
  EXPECT_EQ(metres.shape(), (Shape{1, 64, 96, 1}));
  expect_summary(metres, {{1.6069896f, 1.5977284f, 1.3944594f, 0.70336945f}, 1.3008134}, 2e-5);
}

TEST(ZoeNetwork, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(zoe_manifest(), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { ZoeNetwork::check(weights(f)); }); };
  for (const char* name :
       {"core.core.pretrained.model.blocks.7.gamma_2", "core.core.pretrained.model.blocks.3.attn.q_bias",
        "core.core.pretrained.act_postprocess2.0.project.0.weight", "core.core.scratch.refinenet2.out_conv.bias",
        "attractors.3._net.0.weight", "conditional_log_binomial.mlp.2.bias", "conv2.weight"})
    EXPECT_NE(of(without(file, name)).find(name), std::string::npos) << name;
  const std::string block = "core.core.pretrained.model.blocks.";
  EXPECT_NE(of(with(file, block + "0.attn.relative_position_bias_table", {2213, 2})).find("places"), std::string::npos);
  EXPECT_NE(of(with(file, block + "5.attn.relative_position_bias_table", {2212, 3})).find("blocks.5"),
            std::string::npos);
  EXPECT_NE(of(with(file, block + "14.norm1.weight", {128})).find("15 layers"), std::string::npos);
  EXPECT_NE(of(with(file, "seed_projector._net.2.weight", {17, 16, 1, 1})).find("seed_projector"), std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_zoe_network(residency, StoredTensors(), "x.pt"); }).find("ZoeDepth"), std::string::npos);
}

// The mean over a picture and its mirror image does not change when the picture is mirrored, and has its size.
TEST(ZoeNetwork, MirroredPicturesAreMirroredDepths) {
  memory::Residency residency;
  const ZoeHandle handle = load_zoe_network(residency, made(zoe_manifest(), 1.5), "made");
  image::BytePicture picture(64, 128, 3), turned = picture;
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 0; x < 128; ++x)
      for (int64_t c = 0; c < 3; ++c)
        picture.at(y, x)[c] = turned.at(y, 127 - x)[c] = static_cast<uint8_t>((x * x + y * 3 + c * 80) % 256);
  const Tensor straight = zoe_metres(residency, handle, picture), mirrored = zoe_metres(residency, handle, turned);
  ASSERT_EQ(straight.shape(), (Shape{1, 64, 128, 1}));
  double largest = 0;
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 0; x < 128; ++x)
      largest = std::max(largest, std::abs(static_cast<double>(straight.f32()[y * 128 + x]) -
                                           static_cast<double>(mirrored.f32()[y * 128 + 127 - x])));
  EXPECT_LT(largest, 1e-6);
}

TEST(SoftEdgeNetwork, SeesWhatTheFormulasSay) {
  const StoredTensors file = made(synth::soft_edges(4), 1.2);
  ASSERT_TRUE(is_soft_edge_network(file));
  const Tensor scores = SoftEdgeNetwork(weights(file)).forward(sines({1, 32, 48, 3}, 0.25));
  EXPECT_EQ(scores.shape(), (Shape{1, 32, 48, 1}));
  expect_summary(scores, {{0.22548745f, 0.2347434f, -0.058959989f, -0.4152807f}, 0.25615327}, 1e-6);
}

TEST(SoftEdgeNetwork, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(synth::soft_edges(4), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { SoftEdgeNetwork::check(weights(f)); }); };
  for (const char* name : {"norm", "block1.convs.0.weight", "block3.convs.2.bias", "block5.projection.weight"})
    EXPECT_NE(of(without(file, name)).find(name), std::string::npos) << name;
  EXPECT_NE(of(with(file, "norm", {3})).find("norm"), std::string::npos);
  EXPECT_NE(of(with(file, "block2.convs.1.weight", {8, 7, 3, 3})).find("block2.convs.1"), std::string::npos);
  EXPECT_NE(of(with(file, "block4.projection.weight", {2, 32, 1, 1})).find("block4.projection"), std::string::npos);
  EXPECT_EQ(of(file), "nothing was refused");
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_soft_edge_network(residency, StoredTensors(), "x.pth"); }).find("HED"),
            std::string::npos);
}

// A sigmoid, its fraction of 255 cut off; in steps of a half, which a third and two thirds reach.
// The network takes bytes as they are, red first.
TEST(SoftEdgeNetwork, SeesThePicturesBytes) {
  const StoredTensors file = made(synth::soft_edges(4), 0.7);
  memory::Residency residency;
  image::BytePicture picture(16, 32, 3);
  Tensor pixels({1, 16, 32, 3});
  for (size_t i = 0; i < picture.data.size(); ++i)
    pixels.f32()[i] = static_cast<float>(picture.data[i] = static_cast<uint8_t>(i * i % 251));
  const image::BytePicture found =
      soft_edges(residency, load_soft_edge_network(residency, file, "made"), picture, false);
  const auto [least, most] = std::minmax_element(found.data.begin(), found.data.end());
  EXPECT_GT(*most, *least + 20) << "the test sees nothing";
  EXPECT_EQ(found.data, image::likelihood_bytes(SoftEdgeNetwork(weights(file)).forward(pixels), 0).data);
}

TEST(LatentResizer, EnlargesAsTheFormulasSay) {
  const LatentResizer network(weights(made(synth::latent_resizer(64, 3), 1.5)));
  const Tensor latent = sines({1, 5, 7, 4}, 0.25);
  // 7.5 and 10.5 are rounded to even numbers.
  const Tensor out = network.forward(latent, 1.5);
  EXPECT_EQ(out.shape(), (Shape{1, 8, 10, 4}));
  expect_summary(out, {{-6.0936479f, 0.27234148f, -0.52392083f, 0.29502498f}, 2.1089875}, 1e-5);
  EXPECT_EQ(network.forward(latent, 1.0).raw(), latent.raw()) << "of the same size it is the latent itself";
  // Each latent of a batch by itself.
  const Tensor both = network.forward(ops::concat({latent, sines({1, 5, 7, 4}, 1.5)}, 0), 1.5);
  expect_summary(both.slice(0, 0, 1), {{-6.0936479f, 0.27234148f, -0.52392083f, 0.29502498f}, 2.1089875}, 1e-5);
  // In the VAE's scale, which is SDXL's for both published networks.
  expect_summary(ops::affine(enlarged_latents(network, ops::affine(latent, 1 / 0.13025f), 1.5), 0.13025f),
                 {{-6.0936479f, 0.27234148f, -0.52392083f, 0.29502498f}, 2.1089875}, 2e-5);
  EXPECT_NE(refusal([&] { network.forward(sines({1, 5, 7, 16}, 0), 1.5); }).find("channels"), std::string::npos);
}

TEST(LatentResizer, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(synth::latent_resizer(64, 3), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { LatentResizer::check(weights(f)); }); };
  for (const char* name :
       {"in_blocks.1.v.weight", "out_blocks.4.emb_layers.1.bias", "norm_out.weight", "embed.2.weight"})
    EXPECT_NE(of(without(file, name)).find(name), std::string::npos) << name;
  EXPECT_NE(of(with(file, "in_blocks.0.in_layers.2.weight", {64, 32, 3, 3})).find("in_layers.2"), std::string::npos);
  EXPECT_NE(of(with(file, "conv_in.weight", {60, 4, 3, 3})).find("groups"), std::string::npos);
  EXPECT_NE(of(with(file, "in_blocks.900.q.weight", {64, 64, 1, 1})).find("901 blocks"), std::string::npos);
}

}  // namespace
}  // namespace easel::models
