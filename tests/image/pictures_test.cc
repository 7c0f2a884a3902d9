#include "image/edit/pictures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "image/edit/composite.h"
#include "image/edit/filters.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/quantize.h"
#include "image/scale/pillow.h"
#include "support/shared.h"

namespace easel::image {
namespace {

using Values = std::vector<float>;

Values flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return {packed.values().begin(), packed.values().end()};
}

// 0, 1, 2, ... in reading order.
Tensor count(const Shape& shape) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(i);
  return t;
}

TEST(Pictures, Batches) {
  const Tensor two = count({2, 1, 1, 3});
  EXPECT_EQ(flat(invert(two)), (Values{1, 0, -1, -2, -3, -4}));
  EXPECT_EQ(flat(take_from_batch(two, 1, 5)), (Values{3, 4, 5}));
  EXPECT_EQ(flat(take_from_batch(two, 9, 1)), (Values{3, 4, 5}));
  EXPECT_EQ(repeat_batch(two, 3).shape(), Shape({6, 1, 1, 3}));
  EXPECT_EQ(flat(fit_batch(two, 3)), (Values{0, 1, 2, 3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(fit_batch(two, 1).shape(), Shape({1, 1, 1, 3}));
  EXPECT_THROW(repeat_batch(two, 0), Error);
  EXPECT_THROW(repeat_batch(two, int64_t{1} << 40), Error);
  EXPECT_EQ(join_batches(count({1, 4, 4, 3}), count({2, 8, 9, 3})).shape(), Shape({3, 4, 4, 3}));
  EXPECT_THROW(join_batches(count({1, 4, 4, 3}), count({1, 4, 4, 4})), Error);
}

TEST(Pictures, SolidAndCrop) {
  EXPECT_EQ(flat(solid_picture(1, {1, 1}, 0xFF0033)), (Values{1, 0, 0.2f}));
  EXPECT_THROW(solid_picture(1 << 30, {16384, 16384}, 0), Error);
  const Tensor t = count({1, 3, 4, 1});
  EXPECT_EQ(flat(crop(t, {2, 2}, 1, 1)), (Values{5, 6, 9, 10}));
  EXPECT_EQ(flat(crop(t, {9, 9}, 99, 2)), (Values{11}));
}

TEST(Pictures, PadForOutpaint) {
  const Padded p = pad_for_outpaint(Tensor::full({1, 6, 6, 3}, 1.0f), {2, 0, 0, 0}, 2);
  EXPECT_EQ(p.image.shape(), Shape({1, 6, 8, 3}));
  EXPECT_EQ(p.image.f32()[0], 0.5f);
  EXPECT_EQ(flat(p.mask.slice(1, 0, 1)), (Values{1, 1, 1, 0.25f, 0, 0, 0, 0}));
  EXPECT_EQ(flat(pad_for_outpaint(Tensor::full({1, 4, 4, 3}, 1.0f), {1, 0, 0, 0}, 2).mask.slice(1, 0, 1)),
            (Values{1, 0, 0, 0, 0}));  // too small to feather
  EXPECT_THROW(pad_for_outpaint(Tensor::full({1, 4, 4, 3}, 1.0f), {-1, 0, 0, 0}, 2), Error);
}

TEST(Pictures, Alpha) {
  const Tensor t = Tensor::of({1, 1, 1, 4}, {0.1f, 0.2f, 0.3f, 0.25f});
  const auto [colour, transparency] = split_alpha(t);
  EXPECT_EQ(flat(colour), (Values{0.1f, 0.2f, 0.3f}));
  EXPECT_EQ(flat(transparency), (Values{0.75f}));
  EXPECT_EQ(flat(join_alpha(colour, transparency)), flat(t));
  EXPECT_EQ(flat(split_alpha(colour).second), (Values{0}));
}

TEST(Pictures, SquaresForClip) {
  Tensor wide = Tensor::zeros({1, 4, 8, 3});
  for (int64_t i = 0; i < wide.numel(); ++i) wide.f32()[i] = i / 3 % 8 < 4 ? 0.2f : 0.6f;
  const auto at = [&](SquareFrom from) { return square_for_clip(wide, 4, PillowFilter::kNearest, from, 0); };
  EXPECT_EQ(at(SquareFrom::kLeft).f32()[0], 51.0f / 255.0f);
  EXPECT_EQ(at(SquareFrom::kRight).f32()[0], 153.0f / 255.0f);
  EXPECT_EQ(at(SquareFrom::kPad).f32()[0], 0.0f);
  EXPECT_EQ(at(square_from("center")).f32()[11], 153.0f / 255.0f);
  EXPECT_THROW(square_from("middle"), Error);
  EXPECT_THROW(pillow_filter("CUBIC"), Error);
}

// ToPILImage: (t * 255).byte() of -3.2, 258.2, 255.9, -0.9, 127.9.
TEST(Pictures, SquaresForClipWrapWhatIsOutOfRange) {
  const Values values{-3.2f / 255, 258.2f / 255, 255.9f / 255, -0.9f / 255, 127.9f / 255};
  const Values bytes{253, 2, 255, 0, 127};
  for (size_t i = 0; i < values.size(); ++i) {
    const Tensor t = Tensor::full({1, 4, 4, 3}, values[i]);
    EXPECT_EQ(square_for_clip(t, 4, PillowFilter::kNearest, SquareFrom::kCenter, 0).f32()[0], bytes[i] / 255.0f) << i;
  }
  EXPECT_EQ(quantize(Tensor::full({1, 4, 4, 3}, values[0]), 2, Dither::kNone).f32()[0], 253 / 255.0f);
  EXPECT_EQ(wrapped_byte(NAN), 0);
  EXPECT_EQ(wrapped_byte(-INFINITY), 0);
  EXPECT_EQ(wrapped_byte(1e30f), 0);
}

TEST(Filters, BlurAndSharpen) {
  Tensor dot = Tensor::zeros({1, 5, 5, 1});
  dot.f32()[12] = 1.0f;
  const Tensor soft = blur(dot, 1, 1.0);
  float sum = 0;
  for (float v : soft.values()) sum += v;
  EXPECT_NEAR(sum, 1.0f, 1e-6f);
  EXPECT_NEAR(soft.f32()[12] / soft.f32()[11], std::exp(0.5f), 1e-5f);
  EXPECT_EQ(sharpen(dot, 1, 1.0, 1.0).f32()[12], 1.0f);
  const Tensor grey = Tensor::full({1, 9, 9, 3}, 0.5f);
  EXPECT_LT(testing::max_difference(sharpen(grey, 3, 2.0, 5.0), grey), 1e-5);
  EXPECT_NEAR(adaptive_sharpen(grey, 1.0).f32()[4 * 27 + 12], 0.5f, 1e-6f);
  EXPECT_EQ(flat(adaptive_sharpen(Tensor::zeros({1, 2, 2, 1}), 1.0)), (Values{0, 0, 0, 0}));
  EXPECT_THROW(blur(dot, 5, 1.0), Error);
  EXPECT_THROW(blur(dot, 1, 0.0), Error);
}

TEST(Masks, Making) {
  EXPECT_EQ(flat(solid_mask(0.5, {2, 1})), (Values{0.5f, 0.5f}));
  const Tensor pixel = Tensor::of({1, 1, 1, 3}, {1.0f, 0.5f, 0.0f});
  EXPECT_EQ(flat(channel_mask(pixel, channel_index("green"))), (Values{0.5f}));
  EXPECT_THROW(channel_mask(pixel, channel_index("alpha")), Error);
  EXPECT_EQ(flat(colour_mask(pixel, 0xFF8000)), (Values{1}));
  EXPECT_EQ(flat(colour_mask(pixel, 0xFF7F00)), (Values{0}));
  EXPECT_EQ(mask_picture(solid_mask(1, {2, 3})).shape(), Shape({1, 3, 2, 3}));
  EXPECT_THROW(crop_mask(solid_mask(1, {2, 3}), {1, 1}, 2, 0), Error);
  EXPECT_THROW(mask_picture(pixel), Error);
}

TEST(Masks, Combining) {
  const Tensor four = Tensor::of({1, 1, 4}, {0.2f, 0.6f, 0.6f, 1.0f}), two = Tensor::of({1, 1, 2}, {0.5f, 0.9f});
  const auto combined = [&](const char* name, int64_t x) {
    return flat(combine_masks(four, two, x, 0, mask_operation(name)));
  };
  EXPECT_EQ(combined("multiply", 1), (Values{0.2f, 0.3f, 0.6f * 0.9f, 1.0f}));
  EXPECT_EQ(combined("add", 3), (Values{0.2f, 0.6f, 0.6f, 1.0f}));
  EXPECT_EQ(combined("subtract", 0), (Values{0.0f, 0.0f, 0.6f, 1.0f}));
  EXPECT_EQ(combined("and", 1), (Values{0.2f, 0.0f, 1.0f, 1.0f}));  // 0.5 rounds to 0
  EXPECT_EQ(combined("or", 1), (Values{0.2f, 1.0f, 1.0f, 1.0f}));
  EXPECT_EQ(combined("xor", 1), (Values{0.2f, 1.0f, 0.0f, 1.0f}));
  EXPECT_EQ(combined("multiply", -1), (Values{0.2f * 0.9f, 0.6f, 0.6f, 1.0f}));
  EXPECT_EQ(combined("multiply", 100), flat(four));
  EXPECT_THROW(mask_operation("nand"), Error);
}

TEST(Masks, GrowingAndFeathering) {
  Tensor dot = Tensor::zeros({1, 5, 5});
  dot.f32()[12] = 1.0f;
  const auto selected = [](const Tensor& t) { return std::count(t.values().begin(), t.values().end(), 1.0f); };
  EXPECT_EQ(selected(grow_mask(dot, 1, true)), 5);
  EXPECT_EQ(selected(grow_mask(dot, 1, false)), 9);
  EXPECT_EQ(selected(grow_mask(dot, 2, true)), 13);
  EXPECT_EQ(selected(grow_mask(dot, 1 << 30, true)), 25);
  EXPECT_EQ(selected(grow_mask(grow_mask(dot, 1, false), -1, false)), 1);
  EXPECT_EQ(flat(grow_mask(dot, 0, true)), flat(dot));
  EXPECT_EQ(flat(feather_mask(solid_mask(1, {4, 1}), {2, 0, 0, 0})), (Values{0.5f, 1, 1, 1}));
  EXPECT_EQ(flat(feather_mask(solid_mask(1, {4, 1}), {0, 0, 4, 0})), (Values{0.25f, 1.0f, 0.75f, 0.5f}));
  EXPECT_EQ(flat(threshold_mask(Tensor::of({1, 1, 2}, {0.3f, 0.31f}), 0.3)), (Values{0, 1}));
}

TEST(Masks, Dilation) {
  const Tensor line = Tensor::of({1, 1, 6}, {0, 0.4f, 0, 0.6f, 0, 0});  // rounded: a 1 at the fourth pixel
  EXPECT_EQ(flat(dilate_mask(line, 0)), (Values{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(flat(dilate_mask(line, 1)), (Values{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(flat(dilate_mask(line, 2)), (Values{0, 0, 0, 1, 1, 0}));
  EXPECT_EQ(flat(dilate_mask(line, 3)), (Values{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(flat(dilate_mask(line, 64)), (Values{1, 1, 1, 1, 1, 1}));
  const Tensor corner = Tensor::of({2, 2, 2}, {1, 0, 0, 0, 0, 0, 0, 0});  // does not reach into the next mask
  EXPECT_EQ(flat(dilate_mask(corner, 3)), (Values{1, 1, 1, 1, 0, 0, 0, 0}));

  // Against the definition.
  Tensor mask({2, 9, 11});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.f32()[i] = i * 37 % 23 == 0 ? 0.8f : 0.3f;
  for (const int64_t size : {1, 2, 3, 4, 7, 30}) {
    Tensor wanted = Tensor::zeros(mask.shape());
    const int64_t before = size / 2, after = size - 1 - before;
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t y = 0; y < 9; ++y)
        for (int64_t x = 0; x < 11; ++x)
          for (int64_t v = std::max<int64_t>(0, y - before); v <= std::min<int64_t>(8, y + after); ++v)
            for (int64_t u = std::max<int64_t>(0, x - before); u <= std::min<int64_t>(10, x + after); ++u)
              if (mask.f32()[(n * 9 + v) * 11 + u] > 0.5f) wanted.f32()[(n * 9 + y) * 11 + x] = 1;
    EXPECT_EQ(flat(dilate_mask(mask, size)), flat(wanted)) << size;
  }
}

TEST(Composite, Masked) {
  const Tensor black = Tensor::zeros({2, 2, 3, 1}), white = Tensor::full({1, 2, 2, 1}, 1.0f);
  const Tensor half = Tensor::full({1, 1, 1}, 0.5f);
  EXPECT_EQ(flat(composite_masked(black, white, {}, {1, 1}).slice(0, 1, 1)), (Values{0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(flat(composite_masked(black, white, half, {2, 0}).slice(0, 0, 1)), (Values{0, 0, 0.5f, 0, 0, 0.5f}));
  EXPECT_EQ(flat(composite_masked(black, white, {}, {-1, -1}).slice(0, 0, 1)), (Values{1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(flat(composite_masked(black, white, {}, {900, 0})), flat(black));
  EXPECT_EQ(flat(composite_masked(black, white, {}, {8, 0, 8})), flat(composite_masked(black, white, {}, {1, 0})));
  EXPECT_EQ(flat(composite_masked(black, white, {}, {0, 0, 1, true})), Values(12, 1.0f));
  EXPECT_THROW(composite_masked(black, Tensor::zeros({1, 2, 2, 3}), {}, {}), Error);
}

TEST(Composite, Feathered) {
  const Tensor zero = Tensor::zeros({1, 1, 6, 1}), one = Tensor::full({1, 1, 4, 1}, 1.0f);
  EXPECT_EQ(flat(composite_feathered(zero, one, {16, 0, 8}, 0)), (Values{0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(flat(composite_feathered(zero, one, {16, 0, 8}, 16)), (Values{0, 0, 0.5f, 1, 1, 1}));  // not at the border
  EXPECT_EQ(flat(composite_feathered(zero, one, {8, 0, 8}, 16)), (Values{0, 0.5f, 1, 1, 0.5f, 0}));
  EXPECT_EQ(flat(composite_feathered(zero, one, {800, 0, 8}, 16)), flat(zero));
}

TEST(Composite, BlendModes) {
  const Tensor a = Tensor::of({1, 1, 2, 1}, {0.25f, 0.75f}), b = Tensor::of({1, 1, 2, 1}, {0.5f, 0.9f});
  const auto blended = [&](const char* mode, double factor = 1) {
    return flat(blend_pictures(a, b, factor, blend_mode(mode)));
  };
  EXPECT_EQ(blended("normal", 0.5), (Values{0.375f, 0.75f * 0.5f + 0.9f * 0.5f}));
  EXPECT_EQ(blended("multiply"), (Values{0.125f, 0.75f * 0.9f}));
  EXPECT_EQ(blended("screen")[0], 0.625f);
  EXPECT_EQ(blended("overlay")[0], 0.25f);
  EXPECT_EQ(blended("difference"), (Values{0, 0}));
  EXPECT_EQ(blended("soft_light")[0], 0.25f);
  EXPECT_THROW(blend_mode("dodge"), Error);
  EXPECT_EQ(blend_pictures(count({1, 4, 4, 3}), count({2, 2, 8, 3}), 0.5, BlendMode::kScreen).shape(),
            Shape({2, 4, 4, 3}));
}

TEST(Composite, PorterDuff) {
  const Tensor s = Tensor::full({1, 1, 1, 3}, 0.5f), d = Tensor::full({1, 1, 1, 3}, 0.25f);
  const Tensor sa = Tensor::full({1, 1, 1}, 0.5f), da = Tensor::full({1, 1, 1}, 1.0f);
  const auto over = porter_duff(s, sa, d, da, "SRC_OVER");
  EXPECT_EQ(over.first.f32()[0], 0.5f + 0.5f * 0.25f);
  EXPECT_EQ(over.second.f32()[0], 1.0f);
  EXPECT_EQ(porter_duff(s, sa, d, da, "CLEAR").second.f32()[0], 0.0f);
  EXPECT_EQ(porter_duff(s, sa, d, da, "XOR").second.f32()[0], 0.5f);
  EXPECT_THROW(porter_duff(s, sa, d, da, "OVER"), Error);
}

TEST(Latents, Arithmetic) {
  const Tensor a = Tensor::of({1, 1, 1, 2}, {3, 4}), b = Tensor::of({1, 1, 1, 2}, {0, 10});
  EXPECT_EQ(flat(add_latents(a, b)), (Values{3, 14}));
  EXPECT_EQ(flat(subtract_latents(a, b)), (Values{3, -6}));
  EXPECT_EQ(flat(multiply_latent(a, 0.5)), (Values{1.5f, 2}));
  EXPECT_EQ(flat(blend_latents(a, b, 0.5)), (Values{1.5f, 7}));
  const Tensor mixed = interpolate_latents(a, b, 0.5);
  EXPECT_NEAR(std::hypot(mixed.f32()[0], mixed.f32()[1]), 7.5f, 1e-5f);
  EXPECT_EQ(flat(interpolate_latents(a, Tensor::zeros({1, 1, 1, 2}), 0.0)), (Values{0, 0}));
  EXPECT_EQ(add_latents(count({2, 4, 4, 4}), count({1, 8, 6, 4})).shape(), Shape({2, 4, 4, 4}));
  EXPECT_THROW(add_latents(a, count({1, 1, 1, 3})), Error);
}

TEST(Latents, FlippingRotatingAndCropping) {
  const Tensor t = count({1, 2, 3, 1});  // 0 1 2 / 3 4 5
  EXPECT_EQ(flat(flip(t, Flip::kVertical)), (Values{3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(flat(flip(t, Flip::kHorizontal)), (Values{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(flat(rotate(t, 1)), (Values{3, 0, 4, 1, 5, 2}));
  EXPECT_EQ(flat(rotate(t, 2)), (Values{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(flat(rotate(t, 3)), flat(rotate(rotate(t, 1), 2)));
  EXPECT_EQ(flat(rotate(t, 4)), flat(t));
  EXPECT_EQ(crop_latent(count({1, 16, 16, 4}), 64, 64, 999, 0, 8).shape(), Shape({1, 8, 8, 4}));
  EXPECT_EQ(crop_latent(count({1, 4, 4, 4}), 64, 64, 999, 0, 8).shape(), Shape({1, 4, 4, 4}));
}

}  // namespace
}  // namespace easel::image
