#include "image/edit/composite.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/cancel.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

void require_same_channels(const Tensor& a, const Tensor& b) {
  if (a.dim(3) != b.dim(3))
    throw Error(Fault::kInvalid, "cannot combine pictures of " + std::to_string(a.dim(3)) + " and " +
                                     std::to_string(b.dim(3)) + " channels");
}

Tensor brought_to(const Tensor& image, const Tensor& like) {
  if (image.dim(1) == like.dim(1) && image.dim(2) == like.dim(2)) return image;
  return upscale(image, {like.dim(2), like.dim(1)}, ResizeMethod::kBicubic, CropMode::kCenter);
}

// to = source * mask + to * (1 - mask) over one row of `count` pixels.
void lay_over(const float* source, const float* mask, float* to, int64_t count, int64_t channels) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < channels; ++c)
      to[i * channels + c] = mask[i] * source[i * channels + c] + (1.0f - mask[i]) * to[i * channels + c];
}

// Lays a source, weighted by a mask [N or 1,H,W] of its size, over `out` with its corner at (left, top). `out` has the
// source's batch.
void lay_at(Tensor& out, const Tensor& source, const Tensor& mask, int64_t left, int64_t top) {
  const int64_t height = source.dim(1), width = source.dim(2), channels = source.dim(3);
  const int64_t x0 = std::max<int64_t>(left, 0), x1 = std::min(left + width, out.dim(2));
  for (int64_t n = 0; n < out.dim(0) && x0 < x1; ++n) {
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + height, out.dim(1)); ++y) {
      poll_cancelled();
      const int64_t pixel = (n * height + y - top) * width + x0 - left;
      const int64_t weight = ((n % mask.dim(0)) * height + y - top) * width + x0 - left;
      lay_over(source.f32() + pixel * channels, mask.f32() + weight,
               out.f32() + ((n * out.dim(1) + y) * out.dim(2) + x0) * channels, x1 - x0, channels);
    }
  }
}

float blend_one(BlendMode mode, float a, float b) {
  switch (mode) {
    case BlendMode::kNormal: return b;
    case BlendMode::kMultiply: return a * b;
    case BlendMode::kScreen: return 1 - (1 - a) * (1 - b);
    case BlendMode::kOverlay: return a <= 0.5f ? 2 * a * b : 1 - 2 * (1 - a) * (1 - b);
    case BlendMode::kSoftLight: {
      if (b <= 0.5f) return a - (1 - 2 * b) * a * (1 - a);
      const float g = a <= 0.25f ? ((16 * a - 12) * a + 4) * a : std::sqrt(a);
      return a + (2 * b - 1) * (g - a);
    }
    case BlendMode::kDifference: return a - b;
  }
  return b;
}

struct Pixel {
  float colour, alpha;
};
using PorterDuff = Pixel (*)(float s, float sa, float d, float da);

float unite(float sa, float da) { return sa + da - sa * da; }

PorterDuff porter_duff_mode(std::string_view name) {
  static constexpr std::pair<std::string_view, PorterDuff> kModes[] = {
      {"ADD",
       [](float s, float sa, float d, float da) {
         return Pixel{std::clamp(s + d, 0.0f, 1.0f), std::clamp(sa + da, 0.0f, 1.0f)};
       }},
      {"CLEAR",
       [](float, float, float, float) {
         return Pixel{0, 0};
       }},
      {"DARKEN",
       [](float s, float sa, float d, float da) {
         return Pixel{(1 - da) * s + (1 - sa) * d + std::min(s, d), unite(sa, da)};
       }},
      {"DST",
       [](float, float, float d, float da) {
         return Pixel{d, da};
       }},
      {"DST_ATOP",
       [](float s, float sa, float d, float da) {
         return Pixel{sa * d + (1 - da) * s, sa};
       }},
      {"DST_IN",
       [](float, float sa, float d, float da) {
         return Pixel{d * sa, sa * da};
       }},
      {"DST_OUT",
       [](float, float sa, float d, float da) {
         return Pixel{(1 - sa) * d, (1 - sa) * da};
       }},
      {"DST_OVER",
       [](float s, float sa, float d, float da) {
         return Pixel{d + (1 - da) * s, da + (1 - da) * sa};
       }},
      {"LIGHTEN", [](float s, float sa, float d,
                     float da) { return Pixel{(1 - da) * s + (1 - sa) * d + std::max(s, d), unite(sa, da)}; }},
      {"MULTIPLY", [](float s, float sa, float d, float da) { return Pixel{s * d, sa * da}; }},
      {"OVERLAY",
       [](float s, float sa, float d,
          float da) { return Pixel{2 * d < da ? 2 * s * d : sa * da - 2 * (da - s) * (sa - d), unite(sa, da)}; }},
      {"SCREEN", [](float s, float sa, float d, float da) { return Pixel{s + d - s * d, unite(sa, da)}; }},
      {"SRC", [](float s, float sa, float, float) { return Pixel{s, sa}; }},
      {"SRC_ATOP", [](float s, float sa, float d, float da) { return Pixel{da * s + (1 - sa) * d, da}; }},
      {"SRC_IN", [](float s, float sa, float, float da) { return Pixel{s * da, sa * da}; }},
      {"SRC_OUT", [](float s, float sa, float, float da) { return Pixel{(1 - da) * s, (1 - da) * sa}; }},
      {"SRC_OVER", [](float s, float sa, float d, float da) { return Pixel{s + (1 - sa) * d, sa + (1 - sa) * da}; }},
      {"XOR", [](float s, float sa, float d, float da) {
         return Pixel{(1 - da) * s + (1 - sa) * d, (1 - da) * sa + (1 - sa) * da};
       }}};
  for (const auto& [known, mode] : kModes)
    if (known == name) return mode;
  throw Error(Fault::kInvalid, "unknown Porter-Duff mode: \"" + std::string(name) + "\"");
}

}  // namespace

Tensor composite_masked(const Tensor& destination, const Tensor& source, const Tensor& mask, const Placement& place) {
  require_image(destination, "the destination");
  require_image(source, "the source");
  require_same_channels(destination, source);
  const Tensor sized =
      place.stretch ? resize(source, {destination.dim(2), destination.dim(1)}, ResizeMethod::kBilinear) : source;
  const Tensor layer = contiguous(fit_batch(sized, destination.dim(0)));
  const int64_t height = layer.dim(1), width = layer.dim(2);
  Tensor weights;
  if (mask.defined()) {
    require_mask(mask, "the mask of a composite");
    weights = as_mask(fit_batch(resize(as_picture(mask), {width, height}, ResizeMethod::kBilinear), layer.dim(0)));
  } else {
    weights = Tensor::full({1, height, width}, 1.0f);
  }
  const int64_t factor = place.factor;
  const int64_t x = std::clamp(place.x, -width * factor, destination.dim(2) * factor);
  const int64_t y = std::clamp(place.y, -height * factor, destination.dim(1) * factor);
  Tensor out = clone(destination);
  lay_at(out, layer, weights, floor_divide(x, factor), floor_divide(y, factor));
  return out;
}

Tensor composite_feathered(const Tensor& destination, const Tensor& source, const Placement& place, int64_t feather) {
  require_image(destination, "the destination");
  require_image(source, "the source");
  require_same_channels(destination, source);
  if (source.dim(0) != 1 && source.dim(0) != destination.dim(0))
    throw Error(Fault::kInvalid,
                "cannot lay " + std::to_string(source.dim(0)) + " latents over " + std::to_string(destination.dim(0)));
  Tensor out = clone(destination);
  const int64_t x = floor_divide(place.x, place.factor), y = floor_divide(place.y, place.factor);
  feather = floor_divide(feather, place.factor);
  if (x < 0 || y < 0 || x >= out.dim(2) || y >= out.dim(1)) return out;
  const int64_t height = std::min(source.dim(1), out.dim(1) - y), width = std::min(source.dim(2), out.dim(2) - x);
  const Tensor layer = contiguous(fit_batch(source.slice(1, 0, height).slice(2, 0, width), out.dim(0)));
  Tensor mask = Tensor::full({1, height, width}, 1.0f);
  const auto scale = [&](int64_t r, int64_t c, int64_t rows, int64_t columns, float factor) {
    for (int64_t i = r; i < r + rows; ++i)
      for (int64_t j = c; j < c + columns; ++j) mask.f32()[i * width + j] *= factor;
  };
  for (int64_t t = 0; t < feather; ++t) {
    poll_cancelled();
    const auto factor = static_cast<float>(1.0 / static_cast<double>(feather) * static_cast<double>(t + 1));
    if (y != 0 && t < height) scale(t, 0, 1, width, factor);
    if (y + height < out.dim(1) && t < height) scale(height - 1 - t, 0, 1, width, factor);
    if (x != 0 && t < width) scale(0, t, height, 1, factor);
    if (x + width < out.dim(2) && t < width) scale(0, width - 1 - t, height, 1, factor);
  }
  lay_at(out, layer, mask, x, y);
  return out;
}

void alpha_composite(Tensor& canvas, const Tensor& tile, const Tensor& alpha, int64_t left, int64_t top) {
  require_image(canvas, "the picture");
  require_image(tile, "the tile");
  require_mask(alpha, "alpha");
  require_same_channels(canvas, tile);
  const int64_t height = canvas.dim(1), width = canvas.dim(2), channels = canvas.dim(3);
  if (!canvas.contiguous() || tile.dim(0) != canvas.dim(0) || left < 0 || top < 0 || left + tile.dim(2) > width ||
      top + tile.dim(1) > height || !(alpha.shape() == Shape{1, height, width}))
    throw Error(Fault::kInvalid, "a tile " + tile.str() + " with alpha " + alpha.str() + " does not lie at " +
                                     std::to_string(left) + ", " + std::to_string(top) + " in " + canvas.str());
  const Tensor from = contiguous(tile), weights = contiguous(alpha);
  const auto byte = [](float v) { return static_cast<uint32_t>(std::lround(v * 255.0f)); };
  for (int64_t line = 0; line < tile.dim(0) * tile.dim(1); ++line) {
    poll_cancelled();
    const int64_t n = line / tile.dim(1), y = top + line % tile.dim(1);
    const float *source = from.f32() + line * tile.dim(2) * channels, *weight = weights.f32() + y * width + left;
    float* to = canvas.f32() + ((n * height + y) * width + left) * channels;
    for (int64_t x = 0; x < tile.dim(2); ++x) {
      const uint32_t a = byte(weight[x]);
      if (a == 0) continue;
      const uint32_t own = a * 128, other = 255 * 128 - own;
      for (int64_t i = x * channels; i < (x + 1) * channels; ++i) {
        const uint32_t sum = byte(source[i]) * own + byte(to[i]) * other + (0x80u << 7);
        to[i] = static_cast<float>((((sum >> 8) + sum) >> 8) >> 7) / 255.0f;
      }
    }
  }
}

BlendMode blend_mode(std::string_view name) {
  constexpr std::pair<std::string_view, BlendMode> kNames[] = {
      {"normal", BlendMode::kNormal},   {"multiply", BlendMode::kMultiply},    {"screen", BlendMode::kScreen},
      {"overlay", BlendMode::kOverlay}, {"soft_light", BlendMode::kSoftLight}, {"difference", BlendMode::kDifference}};
  for (const auto& [known, mode] : kNames)
    if (known == name) return mode;
  throw Error(Fault::kInvalid, "unknown blend mode: \"" + std::string(name) + "\"")
      .fix("Use normal, multiply, screen, overlay, soft_light or difference");
}

Tensor blend_pictures(const Tensor& image1, const Tensor& image2, double factor, BlendMode mode) {
  require_image(image1, "the first picture");
  require_image(image2, "the second picture");
  require_same_channels(image1, image2);
  const int64_t batch = std::max(image1.dim(0), image2.dim(0));
  if (std::min(image1.dim(0), image2.dim(0)) != 1 && image1.dim(0) != image2.dim(0))
    throw Error(Fault::kInvalid, "cannot blend batches of " + std::to_string(image1.dim(0)) + " and " +
                                     std::to_string(image2.dim(0)) + " pictures")
        .fix("Make them the same, or one of them a single picture");
  const auto keep = static_cast<float>(1 - factor), take = static_cast<float>(factor);
  return map(fit_batch(image1, batch), fit_batch(brought_to(image2, image1), batch),
             [=](float a, float b) { return std::clamp(a * keep + blend_one(mode, a, b) * take, 0.0f, 1.0f); });
}

std::pair<Tensor, Tensor> porter_duff(const Tensor& source, const Tensor& source_alpha, const Tensor& destination,
                                      const Tensor& destination_alpha, std::string_view mode) {
  require_image(source, "the source");
  require_image(destination, "the destination");
  require_mask(source_alpha, "the source's alpha");
  require_mask(destination_alpha, "the destination's alpha");
  require_same_channels(source, destination);
  const PorterDuff combine = porter_duff_mode(mode);
  const int64_t batch = std::min({source.dim(0), source_alpha.dim(0), destination.dim(0), destination_alpha.dim(0)});
  const int64_t pixels = destination.dim(1) * destination.dim(2), channels = destination.dim(3);
  std::pair<Tensor, Tensor> out{Tensor({batch, destination.dim(1), destination.dim(2), channels}),
                                Tensor({batch, destination.dim(1), destination.dim(2)})};
  for (int64_t n = 0; n < batch; ++n) {
    const Tensor d = contiguous(destination.slice(0, n, 1));
    const Tensor s = contiguous(brought_to(source.slice(0, n, 1), d));
    const Tensor da = contiguous(brought_to(as_picture(destination_alpha.slice(0, n, 1)), d));
    const Tensor sa = contiguous(brought_to(as_picture(source_alpha.slice(0, n, 1)), d));
    for (int64_t i = 0; i < pixels; ++i) {
      if (i % destination.dim(2) == 0) poll_cancelled();
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t at = i * channels + c;
        const Pixel p = combine(s.f32()[at], sa.f32()[i], d.f32()[at], da.f32()[i]);
        out.first.f32()[n * pixels * channels + at] = p.colour;
        out.second.f32()[n * pixels + i] = p.alpha;
      }
    }
  }
  return out;
}

}  // namespace easel::image
