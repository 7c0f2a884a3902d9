// Networks that fill holes, against the same written down in numpy (values/fill_networks.py).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <utility>
#include <vector>

#include "made_networks.h"
#include "models/fill/fourier.h"
#include "models/fill/hole_filler.h"
#include "ops/devices.h"
#include "synth/models/networks/fill_manifest.h"

namespace easel::models {
namespace {

// The transform as it is defined, one sum for each frequency.
TEST(FourierTransform, IsTheSumOverTheMap) {
  for (const auto& [h, w] : std::vector<std::pair<int64_t, int64_t>>{{6, 8}, {5, 7}, {1, 4}}) {
    const int64_t columns = w / 2 + 1;
    const Tensor map = sines({1, h, w, 3}, 0.25);
    const fill::FourierTransform transform(h, w, kHost);
    const Tensor spectrum = transform.forward(map);
    ASSERT_EQ(spectrum.shape(), (Shape{1, h, columns, 6}));
    const double scale = 1 / std::sqrt(static_cast<double>(h * w));
    for (int64_t u = 0; u < h; ++u)
      for (int64_t v = 0; v < columns; ++v)
        for (int64_t c = 0; c < 3; ++c) {
          double re = 0, im = 0;
          for (int64_t y = 0; y < h; ++y)
            for (int64_t x = 0; x < w; ++x) {
              const double a = -2 * std::numbers::pi *
                               (static_cast<double>(u * y) / static_cast<double>(h) +
                                static_cast<double>(v * x) / static_cast<double>(w));
              const auto value = static_cast<double>(map.f32()[(y * w + x) * 3 + c]);
              re += value * std::cos(a);
              im += value * std::sin(a);
            }
          const float* const at = spectrum.f32() + (u * columns + v) * 6 + 2 * c;
          EXPECT_NEAR(at[0], re * scale, 1e-5) << h << " x " << w << ": " << u << " " << v;
          EXPECT_NEAR(at[1], im * scale, 1e-5) << h << " x " << w << ": " << u << " " << v;
        }
    const Tensor back = transform.backward(spectrum);
    for (int64_t i = 0; i < map.numel(); ++i) EXPECT_NEAR(back.f32()[i], map.f32()[i], 1e-5) << i;
  }
}

struct Hole {
  Tensor picture, mask;
};
template <class F>
Hole hole(int64_t side, const F& inside) {
  Hole out{ops::affine(sines({1, side, side, 3}, 0.25), 0.5f, 0.5f), Tensor::zeros({1, side, side, 1})};
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) out.mask.f32()[y * side + x] = inside(y, x) ? 1.0f : 0.0f;
  return out;
}
Tensor piece(const Tensor& t, int64_t y, int64_t x) { return contiguous(t.slice(1, y, 20).slice(2, x, 20)); }

TEST(HoleFiller, LamaFillsAsTheFormulasSay) {
  const StoredTensors file = made(synth::lama(4, 2), 2);
  ASSERT_EQ(filler_kind(file), FillerKind::kLama);
  const HoleFiller network(weights(file));
  EXPECT_EQ(network.side(), 256);
  const Hole in = hole(256, [](int64_t y, int64_t x) { return (y - 100) * (y - 100) + (x - 140) * (x - 140) < 3600; });
  const Tensor out = network.forward(in.picture, in.mask, 1);
  expect_summary(out, {{0.61133176f, 0.86603701f, 0.32663521f, 0.056499958f}, 0.60334458}, 2e-5);
  expect_summary(piece(out, 90, 130), {{0.11260185f, 0.80116148f, 0.99588073f, 0.68715655f}, 0.55206746}, 1e-4);
  EXPECT_EQ(std::memcmp(out.raw(), network.forward(in.picture, in.mask, 2).raw(), out.nbytes()), 0)
      << "LaMa draws nothing";
}

synth::MatPlan small_mat() { return {.side = 128, .first = 12, .code = 16, .levels = {14, 12, 10, 8}}; }

TEST(HoleFiller, MatFillsAsTheFormulasSay) {
  const StoredTensors file = made(synth::mat(small_mat()), 10);
  ASSERT_EQ(filler_kind(file), FillerKind::kMat);
  const HoleFiller network(weights(file));
  EXPECT_EQ(network.side(), 128);
  const Hole in = hole(128, [](int64_t y, int64_t x) { return std::abs(y - 60) < 30 && std::abs(x - 50) < 40; });
  const Tensor out = network.forward(in.picture, in.mask, 7);
  expect_summary(out, {{0.61133176f, 0.86603701f, 0.5398308f, 0.18585446f}, 0.56732366}, 2e-5);
  expect_summary(piece(out, 50, 40), {{0.48008654f, 0.51943732f, 0.48023652f, 0.54323713f}, 0.50076101}, 5e-5);
  const Tensor other = network.forward(in.picture, in.mask, 8);
  EXPECT_NE(std::memcmp(out.raw(), other.raw(), out.nbytes()), 0) << "another seed, another filling";
  for (const int64_t known : {0, 3 * 128, 127 * 128 * 3})  // what was known stays
    EXPECT_EQ(out.f32()[known], in.picture.f32()[known]);
}

TEST(HoleFiller, NamesWhatIsWrongWithAFile) {
  const auto of = [](const StoredTensors& f) { return refusal([&] { HoleFiller::check(weights(f)); }); };
  const auto names = [&](const StoredTensors& file, const char* missing, const char* wrong, const Shape& shape) {
    EXPECT_NE(of(without(file, missing)).find(missing), std::string::npos) << of(without(file, missing));
    EXPECT_NE(of(with(file, wrong, shape)).find(wrong), std::string::npos) << of(with(file, wrong, shape));
    EXPECT_NE(of(with(file, wrong, {3})).find(wrong), std::string::npos);
  };
  const StoredTensors lama = made(synth::lama(4, 2), 1), mat = made(synth::mat(small_mat()), 1);
  names(lama, "model.5.conv1.ffc.convg2g.fu.bn.running_var", "model.6.conv2.ffc.convg2g.fu.conv_layer.weight",
        {24, 22, 1, 1});
  names(lama, "model.8.bias", "model.8.weight", {32, 16, 4, 4});
  names(mat, "mapping.fc7.bias", "synthesis.dec.Dec_32x32.conv0.conv.weight", {1, 12, 14, 5, 5});
  names(mat, "synthesis.first_stage.tran.3.blocks.1.attn.k.weight", "synthesis.first_stage.to_square.weight", {64, 12});
  EXPECT_NE(of(with(mat, "synthesis.first_stage.conv_first.conv.weight", {13, 4, 3, 3})).find("13 wide"),
            std::string::npos);
  EXPECT_NE(of(with(mat, "synthesis.first_stage.tran.0.blocks.900.fuse.weight", {12, 24})).find("901 blocks"),
            std::string::npos);
  memory::Residency residency(0);
  EXPECT_NE(refusal([&] { load_hole_filler(residency, StoredTensors(), "x.pt"); }).find("neither LaMa nor MAT"),
            std::string::npos);
}

}  // namespace
}  // namespace easel::models
