// Networks that draw lines, against the same written down in numpy (values/line_networks.py).
#include "models/hints/lines/line_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "image/hints/hints.h"
#include "image/hints/smooth.h"
#include "made_networks.h"
#include "models/hints/normals.h"
#include "synth/models/networks/line_manifest.h"

namespace easel::models {
namespace {

Tensor shown(const Shape& shape) { return ops::affine(sines(shape, 0.25), 0.5f, 0.5f); }

TEST(LineNetwork, DrawsWhatTheFormulasSay) {
  const StoredTensors file = made(synth::drawn_lines(4, 2), 12);
  ASSERT_EQ(line_kind(file), LineKind::kDrawing);
  const Tensor out = LineNetwork(weights(file)).forward(shown({1, 12, 16, 3}));
  EXPECT_EQ(out.shape(), (Shape{1, 12, 16, 1}));
  expect_summary(out, {{0.50276023f, 0.49841777f, 0.56443952f, 0.2991123f}, 0.58358381}, 2e-6);
}

TEST(LineNetwork, DrawsAnimeAsTheFormulasSay) {
  const StoredTensors file = made(synth::anime_lines(4, 3), 1.5);
  ASSERT_EQ(line_kind(file), LineKind::kAnime);
  const Tensor out = LineNetwork(weights(file)).forward(sines({1, 16, 24, 3}, 0.25));
  EXPECT_EQ(out.shape(), (Shape{1, 16, 24, 1}));
  expect_summary(out, {{0.048452438f, 0.37673355f, -0.059342922f, 0.12137296f}, 0.42913409}, 2e-6);
}

TEST(LineNetwork, SeesDifferencesAsTheFormulasSay) {
  const StoredTensors file = made(synth::difference_edges(4, 3), 2);
  ASSERT_EQ(line_kind(file), LineKind::kDifferences);
  const Tensor out = LineNetwork(weights(file)).forward(shown({1, 16, 24, 3}));
  EXPECT_EQ(out.shape(), (Shape{1, 16, 24, 1}));
  expect_summary(out, {{3.6196187f, 3.6242701f, 12.237667f, -20.650961f}, 9.8069857}, 2e-4);
}

TEST(LineNetwork, SeesEdgesAsTheFormulasSay) {
  const StoredTensors file = made(synth::tiny_edges(), 3);
  ASSERT_EQ(line_kind(file), LineKind::kTiny);
  const Tensor out = LineNetwork(weights(file)).forward(shown({1, 16, 24, 3}));
  EXPECT_EQ(out.shape(), (Shape{1, 16, 24, 1}));
  expect_summary(out, {{0.70985175f, 0.8990833f, 0.048296902f, -0.097649424f}, 1.3107438}, 2e-6);
}

TEST(LineNetwork, SeesStraightLinesAsTheFormulasSay) {
  const StoredTensors file = made(synth::straight_lines(4), 1);
  ASSERT_EQ(line_kind(file), LineKind::kStraight);
  const Tensor out = LineNetwork(weights(file)).forward(sines({1, 32, 48, 4}, 0.25));
  EXPECT_EQ(out.shape(), (Shape{1, 16, 24, 9}));
  expect_summary(out, {{0.037596283f, 0.38190148f, 0.2886901f, -0.10460556f}, 0.39055229}, 1e-5);
}

synth::NormalPlan small_normals() {
  return {.stem = 8,
          .head = 16,
          .joined = 16,
          .points = 6,
          .widths = {6, 7, 8, 8, 9, 9, 10},
          .blocks = {2, 1, 2, 1, 1, 1, 1}};
}

TEST(NormalNetwork, SeesWhatTheFormulasSay) {
  const StoredTensors file = made(synth::normals(small_normals()), 2);
  ASSERT_TRUE(is_normal_network(file));
  const Tensor out = NormalNetwork(weights(file)).forward(sines({1, 64, 96, 3}, 0.25));
  EXPECT_EQ(out.shape(), (Shape{1, 64, 96, 4}));
  expect_summary(out, {{0.63346788f, 0.42979411f, 0.63529902f, 1.2714218f}, 0.81140369}, 2e-5);
}

TEST(NormalNetwork, NamesWhatIsWrongWithAFile) {
  const StoredTensors file = made(synth::normals(small_normals()), 1);
  const auto of = [](const StoredTensors& f) { return refusal([&] { NormalNetwork::check(weights(f)); }); };
  for (const char* name : {"encoder.original_model.blocks.3.0.se.conv_expand.bias", "decoder.up4._net.4.running_mean",
                           "decoder.out_conv_res1.4.weight"})
    EXPECT_NE(of(without(file, name)).find(name), std::string::npos) << of(without(file, name));
  const auto wrong = [&](const char* name, const Shape& shape) {
    EXPECT_NE(of(with(file, name, shape)).find(name), std::string::npos) << of(with(file, name, shape));
  };
  wrong("encoder.original_model.blocks.2.0.conv_dw.weight", {42, 1, 7, 7});
  wrong("decoder.up2._net.0.weight", {8, 23, 3, 3});
  wrong("decoder.out_conv_res4.6.weight", {5, 6, 1});
  EXPECT_NE(of(with(file, "encoder.original_model.blocks.0.900.conv_dw.weight", {8, 1, 3, 3})).find("901 blocks"),
            std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_normal_network(residency, StoredTensors(), "scannet.pt"); }).find("BAE"),
            std::string::npos);
}

TEST(NormalNetwork, ColoursAreHalfOfTheNormalsAndAHalf) {
  memory::Residency residency(0);
  StoredTensors bare = made(synth::normals(small_normals()), 2), file;
  for (const auto& [name, tensor] : bare) file.set("model.module." + name, tensor);
  image::BytePicture picture(64, 64, 3);
  for (size_t i = 0; i < picture.data.size(); ++i) picture.data[i] = static_cast<uint8_t>(i * 37 % 256);
  Tensor pixels({1, 64, 64, 3});
  const std::array<double, 3> mean{0.485, 0.456, 0.406}, deviation{0.229, 0.224, 0.225};
  for (int64_t i = 0; i < pixels.numel(); ++i) {
    const auto c = static_cast<size_t>(i % 3);
    pixels.f32()[i] = static_cast<float>((picture.data[static_cast<size_t>(i)] / 255.0 - mean[c]) / deviation[c]);
  }
  const Tensor said = NormalNetwork(weights(bare)).forward(pixels);
  const image::BytePicture shown = normals_of(residency, load_normal_network(residency, file, "scannet.pt"), picture);
  for (int64_t i = 0; i < 64 * 64; i += 41)
    for (int64_t c = 0; c < 3; ++c)
      EXPECT_NEAR(shown.data[static_cast<size_t>(3 * i + c)], std::floor((said.f32()[4 * i + c] + 1) * 127.5), 1) << i;
}

TEST(LineNetwork, NamesWhatIsWrongWithAFile) {
  const auto of = [](const StoredTensors& f) { return refusal([&] { LineNetwork::check(weights(f)); }); };
  const auto names = [&](const StoredTensors& file, const char* missing, const char* wrong, const Shape& shape) {
    EXPECT_NE(of(without(file, missing)).find(missing), std::string::npos) << of(without(file, missing));
    EXPECT_NE(of(with(file, wrong, shape)).find(wrong), std::string::npos) << of(with(file, wrong, shape));
    EXPECT_NE(of(with(file, wrong, {0, 3, 3, 3})).find(wrong), std::string::npos);
    EXPECT_NE(of(with(file, wrong, {4})).find(wrong), std::string::npos);
  };
  names(made(synth::drawn_lines(4, 2), 1), "model3.3.bias", "model3.0.weight", {16, 7, 3, 3});
  names(made(synth::anime_lines(4, 3), 1), "model.model.1.model.5.weight", "model.model.1.model.3.model.1.weight",
        {16, 9, 4, 4});
  names(made(synth::difference_edges(4, 3), 1), "block3_2.conv1.weight", "dilations.2.conv2_4.weight", {3, 3, 5, 5});
  names(made(synth::tiny_edges(), 1), "up_block_3.features.5.weight", "block_cat.DWconv1.weight", {23, 1, 3, 3});
  names(made(synth::straight_lines(4), 1), "block17.conv1.1.running_var", "backbone.features.4.conv.1.0.weight",
        {36, 2, 3, 3});
  EXPECT_NE(
      of(with(made(synth::drawn_lines(4, 2), 1), "model2.900.conv_block.1.weight", {16, 16, 3, 3})).find("901 blocks"),
      std::string::npos);
  EXPECT_EQ(of(made(synth::anime_lines(4, 8), 1)), "nothing was refused");
  EXPECT_NE(of(made(synth::anime_lines(4, 9), 1)).find("more levels"), std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] {
              load_line_network(residency, made(synth::tiny_edges(), 1), LineKind::kDifferences, "table5_pidinet.pth");
            }).find("PiDiNet"),
            std::string::npos);
  EXPECT_EQ(line_kind(StoredTensors()), std::nullopt);
}

image::BytePicture striped(int64_t height, int64_t width) {
  image::BytePicture out(height, width, 3);
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = static_cast<uint8_t>((i / 3 * 37 + i % 3 * 90) % 256);
  return out;
}

// What stands between a file and the network, and between the network and the hint.
TEST(LineNetwork, HintsAreWhatTheNetworkSaysOfThePicture) {
  memory::Residency residency(0);
  const image::BytePicture picture = striped(64, 64);
  const auto wrapped = [](const StoredTensors& file, const std::string& prefix) {
    StoredTensors out;
    for (const auto& [name, tensor] : file) out.set(prefix + name, tensor);
    return out;
  };
  const Tensor bytes = image::floats_of(picture);
  {
    const StoredTensors file = made(synth::drawn_lines(4, 2), 12);
    const LineHandle handle = load_line_network(residency, file, LineKind::kDrawing, "sk_model.pth");
    const Tensor said = LineNetwork(weights(file)).forward(ops::affine(bytes, 1 / 255.0f));
    const image::BytePicture lines = drawn_lines(residency, handle, picture);
    for (size_t i = 0; i < lines.data.size(); i += 97)
      EXPECT_NEAR(lines.data[i], 255 - std::floor(said.f32()[i] * 255), 1) << i;
  }
  {
    const StoredTensors file = made(synth::difference_edges(4, 3), 2);
    const LineHandle handle =
        load_line_network(residency, wrapped(file, "module."), LineKind::kDifferences, "table5_pidinet.pth");
    Tensor blue_first({1, 64, 64, 3});
    for (int64_t i = 0; i < blue_first.numel(); ++i)
      blue_first.f32()[i] = static_cast<float>(picture.data[static_cast<size_t>(i / 3 * 3 + 2 - i % 3)]) / 255;
    const Tensor said = LineNetwork(weights(file)).forward(blue_first);
    EXPECT_EQ(difference_edges(residency, handle, picture, 2).data, image::likelihood_bytes(said, 2).data);
    EXPECT_NE(image::likelihood_bytes(said, 2).data, image::likelihood_bytes(said, 0).data);
  }
  {
    const StoredTensors file = made(synth::tiny_edges(), 0.5);
    const LineHandle handle = load_line_network(residency, file, LineKind::kTiny, "7_model.pth");
    EXPECT_EQ(tiny_edges(residency, handle, picture, 5).data,
              image::likelihood_bytes(LineNetwork(weights(file)).forward(bytes), 5).data);
  }
}

// A network whose last layer says the same everywhere: a line of this length in each place.
TEST(LineNetwork, StraightLinesAreDrawnWhereTheyAreLikely) {
  memory::Residency residency(0);
  StoredTensors file = made(synth::straight_lines(4), 1);
  file.set("block23.conv3.weight", Tensor::zeros({16, 16, 1, 1}));
  Tensor bias = Tensor::zeros({16});
  bias.f32()[7] = 1;   // the sigmoid of 1 is 0.73
  bias.f32()[8] = -3;  // from 3 pixels before the middle
  bias.f32()[10] = 4;  // to 4 behind it
  file.set("block23.conv3.bias", bias);
  const LineHandle handle = load_line_network(residency, file, LineKind::kStraight, "mlsd_large_512_fp32.pth");
  const image::BytePicture lines = straight_lines(residency, handle, striped(64, 64), 0.5, 0.1);
  // The 200 likeliest of equal ones are the first, six rows of 32 and 8 more; a row of theirs is two of the picture.
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 0; x < 64; ++x)
      EXPECT_EQ(lines.at(y, x)[0], y % 2 == 0 && (y < 12 || (y == 12 && x <= 2 * 7 + 8)) ? 255 : 0) << x << " " << y;
  const auto none = [&](double score, double distance) {
    const image::BytePicture out = straight_lines(residency, handle, striped(64, 64), score, distance);
    return std::all_of(out.data.begin(), out.data.end(), [](uint8_t v) { return v == 0; });
  };
  EXPECT_TRUE(none(0.75, 0.1)) << "lines less likely than asked for";
  EXPECT_TRUE(none(0.5, 7.1)) << "lines shorter than asked for";
  EXPECT_FALSE(none(0.5, 6.9));
}

TEST(LineNetwork, AnimeLinesAreSeenAtMultiplesOf256AndBroughtBack) {
  memory::Residency residency(0);
  const StoredTensors file = made(synth::anime_lines(2, 8), 1.5);
  const LineHandle handle = load_line_network(residency, file, LineKind::kAnime, "netG.pth");
  const image::BytePicture picture = striped(64, 128);
  const image::BytePicture lines = anime_lines(residency, handle, picture);
  EXPECT_EQ(lines.height, 64);
  EXPECT_EQ(lines.width, 128);
  const image::BytePicture large = image::resized(picture, {256, 256}, image::ByteFilter::kCubic);
  const Tensor said = LineNetwork(weights(file)).forward(ops::affine(image::floats_of(large), 1 / 127.5f, -1.0f));
  // A pixel is the mean of 4 x 2.
  for (int64_t y = 0; y < 64; y += 13)
    for (int64_t x = 0; x < 128; x += 17) {
      double sum = 0;
      for (int64_t i = 0; i < 8; ++i)
        sum += std::floor((said.f32()[(y * 4 + i / 2) * 256 + x * 2 + i % 2] + 1) * 127.5);
      EXPECT_NEAR(*lines.at(y, x), 255 - sum / 8, 1) << x << " " << y;
    }
}

}  // namespace
}  // namespace easel::models
