// Long work on pictures looks often at whether it is to stop, and gives the same pixels when it does.
#include "base/cancel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/sort.h"
#include "image/edit/canny.h"
#include "image/edit/composite.h"
#include "image/edit/filters.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/edit/quantize.h"
#include "image/hints/hints.h"
#include "image/inpaint/fill.h"
#include "image/inpaint/mask_parts.h"
#include "image/inpaint/transfer_colours.h"
#include "image/scale/pillow.h"
#include "image/scale/resize.h"
#include "tensor/memory_guard.h"

namespace easel::image {
namespace {

constexpr int64_t kHeight = 700, kWidth = 501;

Tensor picture(const Shape& shape) {
  Tensor t(shape);
  uint32_t state = 7;
  for (float& v : t.values()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) / 16777216.0f;
  }
  return t;
}

// Squares that do not touch each other.
Tensor squares() {
  Tensor t = Tensor::zeros({1, kHeight, kWidth});
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x) t.f32()[y * kWidth + x] = y % 50 > 20 && x % 50 > 20 ? 1.0f : 0.0f;
  return t;
}

struct Case {
  const char* name;
  std::function<Tensor()> work;
};

std::vector<Case> cases() {
  static const Tensor rgb = picture({1, kHeight, kWidth, 3}), mask = picture({1, kHeight, kWidth});
  static const Tensor latent = picture({1, kHeight, kWidth, 4}), parts = squares();
  static const MaskPart all{mask, {0, 0, kWidth, kHeight}, {0, 0, kWidth, kHeight}};
  const auto to = [](ResizeMethod method, Size size) { return [=] { return resize(rgb, size, method); }; };
  const Size larger{999, 1301}, smaller{251, 401};
  return {
      {"nearest-exact", to(ResizeMethod::kNearestExact, larger)},
      {"bilinear", to(ResizeMethod::kBilinear, larger)},
      {"area", to(ResizeMethod::kArea, smaller)},
      {"bicubic", to(ResizeMethod::kBicubic, larger)},
      {"lanczos", to(ResizeMethod::kLanczos, larger)},
      {"bislerp", [=] { return resize(latent, larger, ResizeMethod::kBislerp); }},
      {"antialiased", [=] { return antialias_bicubic(rgb, smaller); }},
      {"pillow's nearest", [=] { return pillow_resize(rgb, larger, PillowFilter::kNearest); }},
      {"canny", [] { return canny(rgb, 0.1, 0.3); }},
      {"blur", [] { return blur(rgb, 5, 1.0); }},
      {"pillow's blur", [] { return pillow_blur(rgb, 7.5); }},
      {"sharpen", [] { return sharpen(rgb, 3, 1.0, 0.5); }},
      {"adaptive sharpening", [] { return adaptive_sharpen(rgb, 0.5); }},
      {"quantize", [] { return quantize(rgb, 16, Dither::kNone); }},
      {"quantize, diffused", [] { return quantize(rgb, 16, Dither::kFloydSteinberg); }},
      {"quantize, ordered", [] { return quantize(rgb, 16, Dither::kBayer4); }},
      {"solid",
       [] {
         return solid_picture(1, {kWidth, kHeight}, 0x123456);
       }},
      {"pad",
       [] {
         return pad_for_outpaint(rgb, {9, 8, 7, 6}, 40).mask;
       }},
      {"repeat", [] { return repeat_batch(rgb.slice(1, 0, 4), 100); }},
      {"colour mask", [] { return colour_mask(rgb, 0x102030); }},
      {"mask picture", [] { return mask_picture(mask); }},
      {"feather",
       [] {
         return feather_mask(mask, {50, 50, 50, 50});
       }},
      {"combine", [] { return combine_masks(mask, mask, 3, 5, MaskOperation::kAdd); }},
      {"grow", [] { return grow_mask(mask, 9, true); }},
      {"composite",
       [] {
         return composite_masked(rgb, rgb, mask, {5, 5, 1, false});
       }},
      {"blend", [] { return blend_pictures(rgb, rgb, 0.3, BlendMode::kSoftLight); }},
      {"flip", [] { return flip(rgb, Flip::kHorizontal); }},
      {"join alpha", [] { return join_alpha(rgb, mask); }},
      {"interpolate", [] { return interpolate_latents(latent, latent, 0.4); }},
      {"dilate", [] { return dilate_mask(mask, 64); }},
      {"colours of another", [] { return transfer_colours(rgb, rgb, ColourTransfer::kReinhard, 1); }},
      {"colours of another, by their distribution",
       [] { return transfer_colours(rgb, rgb, ColourTransfer::kHistogramAndLinear, 1); }},
      {"parts of a mask", [] { return mask_parts(parts, {.crop_factor = 1.5, .fill_bounds = true}).back().mask; }},
      {"a mask as one part", [] { return mask_parts(parts, {.combined = true, .fill_bounds = true}).back().mask; }},
      {"parts together",
       [] {
         return joined_parts({all, all}, kHeight, kWidth);
       }},
      {"what is common", [] { return common_part(all, mask); }},
      {"near bytes", [] { return picture_of({near_bytes(rgb.slice(3, 0, 1))}); }},
      {"threshold", [] { return threshold_mask(mask, 0.5); }},
      {"neutral filling", [] { return fill_neutral(rgb, mask, 0); }},
      {"hint of edges", [] { return picture_of({canny_bytes(byte_picture(rgb, 0), 100, 200)}); }},
      {"hint, nearest", [=] { return picture_of({resized(byte_picture(rgb, 0), larger, ByteFilter::kNearest)}); }},
      {"hint, area", [=] { return picture_of({resized(byte_picture(rgb, 0), smaller, ByteFilter::kArea)}); }},
      {"hint, cubic", [=] { return picture_of({resized(byte_picture(rgb, 0), larger, ByteFilter::kCubic)}); }},
      {"hint of lines",
       [=] {
         BytePicture lines(kHeight, kWidth, 3);
         for (int64_t y = 0; y < kHeight; ++y) std::fill_n(lines.at(y, y % kWidth), 3, uint8_t{255});
         return picture_of({hint_resized(lines, larger, HintFit::kStretch)});
       }},
  };
}

TEST(PictureWork, PollsOftenAndGivesTheSamePixels) {
  const int before = thread_count();
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    for (const Case& c : cases()) {
      SCOPED_TRACE(c.name);
      const Tensor plain = c.work();
      const CancelScope scope(CancelToken{});
      const uint64_t first = cancel_polls();
      const Tensor polled = c.work();
      // Work of a third of a megapixel may be one piece; that of larger pictures is cut into more.
      if (threads == 1) {
        EXPECT_GE(cancel_polls() - first, 1u);
      }
      ASSERT_EQ(polled.shape(), plain.shape());
      EXPECT_TRUE(std::equal(plain.values().begin(), plain.values().end(), polled.values().begin()));
    }
  }
  set_thread_count(before);
}

// What takes seconds for a large picture must not be one piece of a small one.
TEST(PictureWork, IsCutIntoManyPieces) {
  const int before = thread_count();
  set_thread_count(1);
  const std::pair<const char*, uint64_t> least[] = {{"dilate", 700},
                                                    {"colours of another", 60},
                                                    {"colours of another, by their distribution", 300},
                                                    {"quantize", 500},
                                                    {"near bytes", 50},
                                                    {"parts of a mask", 2 * kHeight},
                                                    {"a mask as one part", 2 * kHeight},
                                                    {"parts together", 2 * kHeight},
                                                    {"what is common", kHeight}};
  for (const Case& c : cases())
    for (const auto& [name, polls] : least)
      if (c.name == std::string(name)) {
        const CancelScope scope(CancelToken{});
        const uint64_t first = cancel_polls();
        c.work();
        EXPECT_GE(cancel_polls() - first, polls) << name;
      }
  set_thread_count(before);
}

class Sum final : public MemoryGuard {
 public:
  void before(size_t bytes) override { asked_ += bytes; }
  bool make_room(size_t) override { return true; }
  size_t beside_models() const override { return 0; }
  size_t asked() const { return asked_; }

 private:
  size_t asked_ = 0;
};

// Of a mask with one small part, two bytes a pixel say what is empty and what is taken.
TEST(PictureWork, AsksForWhatThePartsOfAMaskTake) {
  constexpr int64_t kSide = 1024;
  Tensor mask = Tensor::zeros({1, kSide, kSide});
  for (int64_t y = 500; y < 520; ++y) std::fill_n(mask.f32() + y * kSide + 500, 20, 1.0f);
  Sum sum;
  const MemoryGuardScope scope(sum);
  ASSERT_EQ(mask_parts(mask, {}).size(), 1u);
  EXPECT_EQ(sum.asked(), static_cast<size_t>(2 * kSide * kSide));
}

// std::sort() may read beyond the end where some values are no numbers.
TEST(PictureWork, SortsWhatIsNoNumberLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values;
  for (int i = 0; i < 5000; ++i) values.push_back(i % 3 == 0 ? nan : static_cast<float>((i * 7919) % 5003));
  sort_numbers(values.begin(), values.end());
  const auto end = values.begin() + 3333;  // two of three, rounded as 5000 falls
  EXPECT_TRUE(std::is_sorted(values.begin(), end));
  EXPECT_TRUE(std::none_of(values.begin(), end, [](float v) { return std::isnan(v); }));
  EXPECT_TRUE(std::all_of(end, values.end(), [](float v) { return std::isnan(v); }));
}

TEST(PictureWork, StopsOnRequest) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const CancelToken token;
    const CancelScope scope(token);
    token.cancel();
    try {
      c.work();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kCancelled) << e.what();
    }
  }
}

}  // namespace
}  // namespace easel::image
