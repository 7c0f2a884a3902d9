// Noise, morphology and luminance of pictures, and latents cut to batches, against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "nodes/common/foreseen_sizes.h"
#include "run_node.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

constexpr int64_t kCount = 2, kHeight = 7, kWidth = 9;

Tensor picture(int64_t channels = 3) {
  Tensor out(Shape{kCount, kHeight, kWidth, channels});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>((i * 37 + 11) % 251) / 251.0f;
  return out;
}

float at(const Tensor& t, int64_t n, int64_t y, int64_t x, int64_t c) {
  return t.f32()[((n * t.dim(1) + y) * t.dim(2) + x) * t.dim(3) + c];
}

Links link(const char* name, const Tensor& value) {
  Links out;
  out.emplace(name, computed<Image>(value));
  return out;
}

// The largest or smallest of a window that begins size / 2 before each pixel.
Tensor window(const Tensor& in, int64_t size, bool largest) {
  Tensor out(in.shape());
  for (int64_t n = 0; n < in.dim(0); ++n)
    for (int64_t y = 0; y < in.dim(1); ++y)
      for (int64_t x = 0; x < in.dim(2); ++x)
        for (int64_t c = 0; c < in.dim(3); ++c) {
          float best = largest ? -1e9f : 1e9f;
          for (int64_t dy = -(size / 2); dy < size - size / 2; ++dy)
            for (int64_t dx = -(size / 2); dx < size - size / 2; ++dx) {
              if (y + dy < 0 || y + dy >= in.dim(1) || x + dx < 0 || x + dx >= in.dim(2)) continue;
              const float v = at(in, n, y + dy, x + dx, c);
              best = largest ? std::max(best, v) : std::min(best, v);
            }
          out.f32()[((n * in.dim(1) + y) * in.dim(2) + x) * in.dim(3) + c] = best;
        }
  return out;
}

TEST(Morphology, IsMadeOfWindows) {
  const Tensor in = picture();
  const auto minus = [](const Tensor& a, const Tensor& b) {
    Tensor out(a.shape());
    for (int64_t i = 0; i < a.numel(); ++i) out.f32()[i] = a.f32()[i] - b.f32()[i];
    return out;
  };
  for (const int64_t size : {int64_t{3}, int64_t{4}, int64_t{5}, int64_t{6}, int64_t{9}, int64_t{40}}) {
    const Tensor low = window(in, size, false), high = window(in, size, true);
    const Tensor opened = window(low, size, true), closed = window(high, size, false);
    for (const auto& [operation, expected] : {std::pair<const char*, Tensor>{"erode", low},
                                              {"dilate", high},
                                              {"open", opened},
                                              {"close", closed},
                                              {"gradient", minus(high, low)},
                                              {"top_hat", minus(in, opened)},
                                              {"bottom_hat", minus(closed, in)}}) {
      const Tensor out =
          run_node("Morphology", {{"operation", std::string(operation)}, {"kernel_size", size}}, link("image", in))
              .as<Tensor>();
      ASSERT_EQ(out.shape(), expected.shape());
      for (int64_t i = 0; i < out.numel(); ++i)
        ASSERT_EQ(out.f32()[i], expected.f32()[i]) << operation << " by " << size << ", " << i;
    }
  }
}

TEST(Luminance, GoesThereAndBack) {
  const Tensor in = picture();
  const Outputs parts = run_node_outputs("ImageRGBToYUV", {}, link("image", in));
  Links links;
  for (size_t i = 0; i < 3; ++i) links.emplace(std::string("YUV").substr(i, 1), parts.at(i));
  const Tensor back = run_node("ImageYUVToRGB", {}, links).as<Tensor>();
  for (int64_t p = 0; p < kCount * kHeight * kWidth; ++p) {
    const auto value = [&](const Tensor& t, int64_t c) { return static_cast<double>(t.f32()[p * 3 + c]); };
    const double r = value(in, 0), g = value(in, 1), b = value(in, 2);
    const double y = 0.299 * r + 0.587 * g + 0.114 * b, u = (b - y) * 0.564 + 0.5, v = (r - y) * 0.713 + 0.5;
    for (int64_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(value(parts[0].as<Tensor>(), c), y, 1e-6);
      EXPECT_NEAR(value(parts[1].as<Tensor>(), c), u, 1e-6);
      EXPECT_NEAR(value(parts[2].as<Tensor>(), c), v, 1e-6);
    }
    const auto bound = [](double x) { return std::clamp(x, 0.0, 1.0); };
    EXPECT_NEAR(value(back, 0), bound(y + 1.403 * (v - 0.5)), 1e-6);
    EXPECT_NEAR(value(back, 1), bound(y - 0.714 * (v - 0.5) - 0.344 * (u - 0.5)), 1e-6);
    EXPECT_NEAR(value(back, 2), bound(y + 1.773 * (u - 0.5)), 1e-6);
  }
}

TEST(ImageAddNoise, DrawsInThePicturesOwnOrder) {
  const Tensor in = picture();
  const Tensor out =
      run_node("ImageAddNoise", {{"seed", uint64_t{42}}, {"strength", 0.25}}, link("image", in)).as<Tensor>();
  std::vector<float> noise(static_cast<size_t>(in.numel()));
  sampling::TorchGenerator(42).randn(noise);
  for (int64_t i = 0; i < in.numel(); ++i)
    EXPECT_NEAR(out.f32()[i], std::clamp(in.f32()[i] + 0.25f * noise[static_cast<size_t>(i)], 0.0f, 1.0f), 1e-6f);
}

TEST(LatentCutToBatch, PutsPiecesOneAfterTheOther) {
  Latent in;
  in.samples = picture(4);
  Links links;
  links.emplace("samples", computed<Latent>(in));
  const auto cut = [&](const char* dim, int64_t size) {
    return run_node("LatentCutToBatch", {{"dim", std::string(dim)}, {"slice_size", size}}, links).as<Latent>().samples;
  };
  const Tensor columns = cut("x", 4);
  ASSERT_EQ(columns.shape(), (Shape{4, kHeight, 4, 4}));
  const Tensor rows = cut("y", 3);
  ASSERT_EQ(rows.shape(), (Shape{4, 3, kWidth, 4}));
  for (int64_t n = 0; n < kCount; ++n)
    for (int64_t piece = 0; piece < 2; ++piece)
      for (int64_t c = 0; c < 4; ++c) {
        EXPECT_EQ(at(columns, n * 2 + piece, 5, 3, c), at(in.samples, n, 5, piece * 4 + 3, c));
        EXPECT_EQ(at(rows, n * 2 + piece, 2, 8, c), at(in.samples, n, piece * 3 + 2, 8, c));
      }
  EXPECT_EQ(cut("x", 100).shape(), in.samples.shape()) << "pieces larger than the latent";
  EXPECT_EQ(cut("t", 1).shape(), in.samples.shape()) << "pictures have no time";
}

}  // namespace
}  // namespace easel::nodes
