// Nodes of extensions, against their formulas in f64 and sizes worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "run_node.h"

namespace easel::nodes {
namespace {

workflow::Literal s(const char* value) { return std::string(value); }

// Values that no two pixels share.
Tensor picture(int64_t height, int64_t width, int64_t channels = 3) {
  Tensor out(Shape{1, height, width, channels});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>((i * 37 + 11) % 251) / 251.0f;
  return out;
}

Links image_link(Tensor pixels) {
  Links out;
  out.emplace("image", computed<Image>(std::move(pixels)));
  return out;
}

float at(const Tensor& t, int64_t y, int64_t x, int64_t c) { return t.f32()[(y * t.dim(2) + x) * t.dim(3) + c]; }

Tensor resized(const Tensor& in, int64_t width, int64_t height, const char* method, int64_t multiple = 0,
               const char* condition = "always", const char* interpolation = "nearest") {
  return run_node("ImageResize+",
                  {{"width", width},
                   {"height", height},
                   {"interpolation", s(interpolation)},
                   {"method", s(method)},
                   {"condition", s(condition)},
                   {"multiple_of", multiple}},
                  image_link(in))
      .as<Tensor>();
}

// Pixel (x, y) of the nearest-neighbour resizing of `in`: the one at or before.
float nearest(const Tensor& in, int64_t width, int64_t height, int64_t y, int64_t x, int64_t c) {
  return at(in, y * in.dim(1) / height, x * in.dim(2) / width, c);
}

void expect_nearest(const Tensor& out, const Tensor& in, int64_t width, int64_t height, int64_t left, int64_t top) {
  for (int64_t y = 0; y < out.dim(1); ++y)
    for (int64_t x = 0; x < out.dim(2); ++x)
      for (int64_t c = 0; c < 3; ++c)
        ASSERT_EQ(at(out, y, x, c), nearest(in, width, height, y + top, x + left, c)) << y << ", " << x;
}

TEST(EssentialsNodes, ResizeFitsPictures) {
  const Tensor in = picture(24, 32);
  const auto size = [](const Tensor& t) { return std::pair(t.dim(2), t.dim(1)); };
  using Size = std::pair<int64_t, int64_t>;
  EXPECT_EQ(size(resized(in, 20, 20, "stretch")), Size(20, 20));
  EXPECT_EQ(size(resized(in, 0, 20, "stretch")), Size(32, 20));
  EXPECT_EQ(size(resized(in, 20, 20, "keep proportion")), Size(20, 15));
  EXPECT_EQ(size(resized(in, 0, 12, "keep proportion")), Size(16, 12));
  EXPECT_EQ(size(resized(in, 20, 20, "stretch", 8)), Size(16, 16));
  EXPECT_EQ(size(resized(in, 20, 20, "keep proportion", 8)), Size(16, 8));  // asked for in 16x16: 16x12, cut
  EXPECT_EQ(size(resized(in, 20, 20, "stretch", 0, "upscale if smaller")), Size(32, 24));
  EXPECT_EQ(size(resized(in, 64, 10, "stretch", 0, "upscale if smaller")), Size(64, 10));
  EXPECT_EQ(size(resized(in, 64, 10, "stretch", 0, "if bigger area")), Size(64, 10));
  EXPECT_EQ(size(resized(in, 64, 20, "stretch", 0, "if bigger area")), Size(32, 24));
  expect_nearest(resized(in, 20, 20, "stretch"), in, 20, 20, 0, 0);
  expect_nearest(resized(in, 45, 31, "stretch"), in, 45, 31, 0, 0);
  // 20x20 is filled by 27x20, of which the 20 columns from the third on are kept.
  const Tensor filled = resized(in, 20, 20, "fill / crop");
  EXPECT_EQ(size(filled), Size(20, 20));
  expect_nearest(filled, in, 27, 20, 3, 0);
  // 20x15 with two black rows above and three below.
  const Tensor padded = resized(in, 20, 20, "pad");
  EXPECT_EQ(size(padded), Size(20, 20));
  EXPECT_EQ(at(padded, 1, 5, 0), 0.0f);
  EXPECT_EQ(at(padded, 17, 5, 0), 0.0f);
  EXPECT_EQ(at(padded, 2, 5, 1), nearest(in, 20, 15, 0, 5, 1));
  EXPECT_EQ(at(padded, 16, 19, 2), nearest(in, 20, 15, 14, 19, 2));
}

TEST(EssentialsNodes, ResizeRefusesToLeaveNothing) {
  EXPECT_THROW(resized(picture(4, 4), 3, 3, "keep proportion", 100), Error);
}

double mirrored(int64_t i, int64_t n) { return static_cast<double>(i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i); }

TEST(EssentialsNodes, BlursMasksAsTorchvisionDoes) {
  constexpr int64_t kHeight = 11, kWidth = 13;
  const Tensor values = picture(kHeight, kWidth, 1);
  Links links;
  links.emplace("mask", computed<Mask>(values.view({1, kHeight, kWidth})));
  const Tensor out = run_node("MaskBlur+", {{"amount", int64_t{6}}, {"device", s("auto")}}, links).as<Tensor>();
  constexpr int64_t kRadius = 3;  // 6 is taken for 7 pixels
  const double sigma = 0.3 * ((7 - 1) * 0.5 - 1) + 0.8;
  double sum = 0;
  for (int64_t i = -kRadius; i <= kRadius; ++i) sum += std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma));
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x) {
      double expected = 0;
      for (int64_t dy = -kRadius; dy <= kRadius; ++dy)
        for (int64_t dx = -kRadius; dx <= kRadius; ++dx) {
          const auto sy = static_cast<int64_t>(mirrored(y + dy, kHeight));
          const auto sx = static_cast<int64_t>(mirrored(x + dx, kWidth));
          expected += std::exp(-0.5 * static_cast<double>(dx * dx + dy * dy) / (sigma * sigma)) / (sum * sum) *
                      static_cast<double>(values.f32()[sy * kWidth + sx]);
        }
      EXPECT_NEAR(out.f32()[y * kWidth + x], expected, 1e-6);
    }
}

TEST(EssentialsNodes, SharpensByContrast) {
  const Tensor in = picture(6, 7);
  const Tensor out = run_node("ImageCASharpening+", {{"amount", 0.6}}, image_link(in)).as<Tensor>();
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 7; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const auto pixel = [&](int64_t dy, int64_t dx) {
          const bool inside = y + dy >= 0 && y + dy < 6 && x + dx >= 0 && x + dx < 7;
          return inside ? static_cast<double>(at(in, y + dy, x + dx, c)) : 0.0;
        };
        const double cross[] = {pixel(-1, 0), pixel(0, -1), pixel(0, 0), pixel(0, 1), pixel(1, 0)};
        const double corners[] = {pixel(-1, -1), pixel(-1, 1), pixel(1, -1), pixel(1, 1)};
        const double low = *std::min_element(cross, cross + 5) + *std::min_element(corners, corners + 4);
        const double high = *std::max_element(cross, cross + 5) + *std::max_element(corners, corners + 4);
        const double w = -std::sqrt(std::min(low, 2 - high) / (high + 1e-5)) * (0.6 * (1.0 / 5 - 1.0 / 8) + 1.0 / 8);
        const double sharp = ((cross[0] + cross[1] + cross[3] + cross[4]) * w + cross[2]) / (1 + 4 * w);
        EXPECT_NEAR(at(out, y, x, c), std::clamp(sharp, 0.0, 1.0), 2e-6);
      }
}

TEST(EssentialsNodes, SharpeningBlackLeavesItBlack) {
  const Tensor out =
      run_node("ImageCASharpening+", {{"amount", 1.0}}, image_link(Tensor::zeros({1, 3, 3, 3}))).as<Tensor>();
  for (int64_t i = 0; i < out.numel(); ++i) EXPECT_EQ(out.f32()[i], 0.0f);
}

TEST(EssentialsNodes, DesaturateByFourMeasures) {
  const Tensor in = picture(3, 5);
  const std::pair<const char*, std::function<double(double, double, double)>> methods[] = {
      {"luminance (Rec.709)", [](double r, double g, double b) { return 0.2126 * r + 0.7152 * g + 0.0722 * b; }},
      {"luminance (Rec.601)", [](double r, double g, double b) { return 0.299 * r + 0.587 * g + 0.114 * b; }},
      {"average", [](double r, double g, double b) { return (r + g + b) / 3; }},
      {"lightness", [](double r, double g, double b) {
         return (std::max({r, g, b}) + std::min({r, g, b})) / 2;
       }}};
  for (const auto& [name, grey] : methods) {
    const Tensor out =
        run_node("ImageDesaturate+", {{"factor", 0.7}, {"method", s(name)}}, image_link(in)).as<Tensor>();
    for (int64_t i = 0; i < in.numel(); ++i) {
      const float* rgb = in.f32() + i / 3 * 3;
      EXPECT_NEAR(out.f32()[i], 0.3 * static_cast<double>(in.f32()[i]) + 0.7 * grey(rgb[0], rgb[1], rgb[2]), 1e-6)
          << name;
    }
  }
}

TEST(EssentialsNodes, MasksOfAColour) {
  Tensor in = Tensor::zeros({1, 1, 4, 3});
  const float values[] = {10, 20, 30, 12, 20, 30, 13, 20, 30, 10, 20, 27};
  for (int64_t i = 0; i < 12; ++i) in.f32()[i] = values[i] / 255.0f;
  const Tensor out =
      run_node("MaskFromColor+",
               {{"red", int64_t{10}}, {"green", int64_t{20}}, {"blue", int64_t{30}}, {"threshold", int64_t{2}}},
               image_link(in))
          .as<Tensor>();
  EXPECT_EQ(std::vector<float>(out.f32(), out.f32() + 4), (std::vector<float>{1, 1, 0, 0}));
}

TEST(EssentialsNodes, FlipAndCropPickPixels) {
  const Tensor in = picture(5, 7);
  const Tensor x = run_node("ImageFlip+", {{"axis", s("x")}}, image_link(in)).as<Tensor>();
  EXPECT_EQ(at(x, 1, 2, 0), at(in, 1, 4, 0));
  const Tensor y = run_node("ImageFlip+", {{"axis", s("y")}}, image_link(in)).as<Tensor>();
  EXPECT_EQ(at(y, 1, 2, 0), at(in, 3, 2, 0));
  const Tensor corner = run_node("ImageCrop+",
                                 {{"width", int64_t{2}},
                                  {"height", int64_t{3}},
                                  {"position", s("bottom-right")},
                                  {"x_offset", int64_t{-1}},
                                  {"y_offset", int64_t{0}}},
                                 image_link(in))
                            .as<Tensor>();
  EXPECT_EQ(corner.shape(), (Shape{1, 3, 2, 3}));
  EXPECT_EQ(at(corner, 0, 0, 1), at(in, 2, 4, 1));
}

TEST(KjNodes, SizesOfResizedPictures) {
  const auto size = [](int64_t width, int64_t height, bool keep, int64_t divisible) {
    const Tensor out = run_node("ImageResizeKJ",
                                {{"width", width},
                                 {"height", height},
                                 {"upscale_method", s("nearest-exact")},
                                 {"keep_proportion", keep},
                                 {"divisible_by", divisible}},
                                image_link(picture(24, 32)))
                           .as<Tensor>();
    return std::pair(out.dim(2), out.dim(1));
  };
  using Size = std::pair<int64_t, int64_t>;
  EXPECT_EQ(size(20, 20, false, 0), Size(20, 20));
  EXPECT_EQ(size(20, 20, true, 0), Size(20, 15));
  EXPECT_EQ(size(20, 20, true, 2), Size(20, 14));
  EXPECT_EQ(size(0, 12, true, 0), Size(16, 12));
  EXPECT_EQ(size(0, 12, false, 0), Size(32, 12));
}

TEST(PysssssNodes, TidyTags) {
  const auto tidied = [](const char* text) {
    return run_node("StringFunction|pysssss", {{"action", s("append")},
                                               {"tidy_tags", s("yes")},
                                               {"text_a", s(text)},
                                               {"text_b", s("")},
                                               {"text_c", s("")}})
        .as<std::string>();
  };
  EXPECT_EQ(tidied("a  b ,c,,,d \n e"), "a b,c,d e");
  EXPECT_EQ(tidied("  , a ,, "), ", a,");
  EXPECT_EQ(tidied(" a\tb "), "a\tb");
}

// The comments are what Python's replace() and re.sub() give.
TEST(PysssssNodes, TextsAndRegularExpressionsAreReplaced) {
  const auto replaced = [](const char* text, const char* find, const char* with) {
    return run_node("StringFunction|pysssss", {{"action", s("replace")},
                                               {"tidy_tags", s("no")},
                                               {"text_a", s(text)},
                                               {"text_b", s(find)},
                                               {"text_c", s(with)}})
        .as<std::string>();
  };
  EXPECT_EQ(replaced("a+b a+b", "a+", "c"), "cb cb");
  EXPECT_EQ(replaced("aab a", "/a+/", "c"), "cb c");
  EXPECT_EQ(replaced("red barn", "/(\\w+) (\\w+)/", "\\2, \\1"), "barn, red");
  EXPECT_EQ(replaced("ab", "", "-"), "-a-b-");
  try {
    replaced("a", "/(/", "");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.input(), "text_b");
  }
}

TEST(PysssssNodes, ConstrainKeepsProportionsOrCuts) {
  const auto constrained = [](int64_t width, int64_t height, const char* crop) {
    Links links;
    links.emplace("images", computed<Image>(picture(24, 32)));
    const Value out = run_node("ConstrainImage|pysssss",
                               {{"max_width", width},
                                {"max_height", height},
                                {"min_width", int64_t{0}},
                                {"min_height", int64_t{0}},
                                {"crop_if_required", s(crop)}},
                               links);
    const Tensor& t = out.as<ValueList>().items.at(0).as<Tensor>();
    return std::pair(t.dim(2), t.dim(1));
  };
  using Size = std::pair<int64_t, int64_t>;
  EXPECT_EQ(constrained(16, 24, "no"), Size(16, 12));
  EXPECT_EQ(constrained(32, 6, "no"), Size(8, 6));
  EXPECT_EQ(constrained(16, 24, "yes"), Size(16, 12));
}

}  // namespace
}  // namespace easel::nodes
