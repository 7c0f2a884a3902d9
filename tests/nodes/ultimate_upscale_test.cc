// Seams between tiles that are drawn again: what comes out is what the same chain of plain nodes gives, with places
// worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/inpaint/seam_masks.h"
#include "image/scale/pillow.h"
#include "nodes/extensions/tiles/tile_conditioning.h"
#include "support/shared.h"
#include "tiny_runner.h"

namespace easel::nodes {
namespace {

constexpr int64_t kSide = 128, kTile = 64;

using Typed = TinyRunner::Typed;
using Links = TinyRunner::Links;

class Seams : public ::testing::Test {
 protected:
  Seams() {
    model_ = run("CheckpointLoaderSimple", {{"ckpt_name", words("v1-5-pruned-emaonly.safetensors")}});
    const auto encoded = [&](const char* text) {
      return run("CLIPTextEncode", {{"text", words(text)}}, {{"clip", model_[1]}})[0];
    };
    positive_ = encoded("a red barn");
    negative_ = encoded("fog");
    Tensor picture({1, kSide, kSide, 3});
    for (int64_t i = 0; i < picture.numel(); ++i)
      picture.f32()[i] = static_cast<float>((i / 3 % kSide * 3 + i / (3 * kSide) * 5 + i % 3 * 40) % 256) / 255.0f;
    picture_ = computed<Image>(picture);
  }

  static Typed sampling() {
    return {{"seed", uint64_t{7}},          {"steps", int64_t{2}}, {"cfg", 2.0}, {"sampler_name", words("euler")},
            {"scheduler", words("normal")}, {"denoise", 0.5}};
  }

  // Only its seams are drawn.
  Tensor drawn(const char* seams) {
    Typed typed = sampling();
    typed.merge(Typed{{"mode_type", words("None")},
                      {"tile_width", kTile},
                      {"tile_height", kTile},
                      {"seam_fix_mode", words(seams)},
                      {"seam_fix_width", int64_t{16}},
                      {"seam_fix_mask_blur", int64_t{4}},
                      {"seam_fix_padding", int64_t{8}}});
    return run("UltimateSDUpscaleNoUpscale", typed,
               {{"upscaled_image", picture_},
                {"model", model_[0]},
                {"positive", positive_},
                {"negative", negative_},
                {"vae", model_[2]}})[0]
        .as<Tensor>();
  }

  static Tensor resized(const Tensor& picture, image::Size size) {
    if (picture.dim(1) == size.height && picture.dim(2) == size.width) return picture;
    return image::pillow_resize(picture, size, image::PillowFilter::kLanczos);
  }

  // A part of the canvas, drawn at a size and laid over it where the mask is.
  void draw(Tensor& canvas, const Tensor& mask, const Region& at, image::Size size) {
    const Value pixels = computed<Image>(resized(part(canvas, at), size));
    const Value latent = run("VAEEncode", {}, {{"pixels", pixels}, {"vae", model_[2]}})[0];
    const Value sampled =
        run("KSampler", sampling(),
            {{"model", model_[0]}, {"positive", positive_}, {"negative", negative_}, {"latent_image", latent}})[0];
    const Tensor made = run("VAEDecode", {}, {{"samples", sampled}, {"vae", model_[2]}})[0].as<Tensor>();
    const Tensor bytes =
        image::map(made, [](float v) { return std::floor(std::min(std::max(v, 0.0f), 1.0f) * 255.0f) / 255.0f; });
    image::alpha_composite(canvas, resized(bytes, {at.width(), at.height()}), image::as_mask(mask), at.x1, at.y1);
  }

  TinyRunner run;
  Outputs model_;
  Value positive_, negative_, picture_;
};

// A band of 16 pixels around the line between tiles with 8 more on each side; Pillow's rectangles end a pixel earlier,
// so that the one that is missing for the size comes in front.
TEST_F(Seams, BandsLieAlongTheLines) {
  Tensor expected = clone(drawn("None"));
  const Tensor plain = clone(expected);
  const image::Size canvas{kSide, kSide};
  draw(expected, image::placed(image::band_seam({16, kSide}, true), canvas, 56, 0), {47, 0, 79, kSide}, {32, kSide});
  draw(expected, image::placed(image::band_seam({kSide, 16}, false), canvas, 0, 56), {0, 47, kSide, 79}, {kSide, 32});
  const Tensor made = drawn("Band Pass");
  EXPECT_EQ(testing::max_difference(made, expected), 0);
  EXPECT_GT(testing::max_difference(made, plain), 0.05);
  EXPECT_EQ(testing::max_difference(part(made, {0, 0, 56, 56}), part(plain, {0, 0, 56, 56})), 0) << "beside the bands";
}

// Half tiles around rows, then columns, then crossings, each part brought to the shape of a tile before it is drawn.
TEST_F(Seams, HalfTilesAndCrossingsFollowEachOther) {
  struct Place {
    Tensor seam;
    int64_t x, y;
    Region at;
  };
  const image::Size tile{kTile, kTile}, canvas{kSide, kSide};
  const std::vector<Place> lines{{image::row_seam(tile), 0, 32, {0, 24, 79, 103}},
                                 {image::row_seam(tile), 64, 32, {49, 24, 128, 103}},
                                 {image::column_seam(tile), 32, 0, {24, 0, 103, 79}},
                                 {image::column_seam(tile), 32, 64, {24, 49, 103, 128}}};
  Tensor expected = clone(drawn("None"));
  const Tensor plain = clone(expected);
  const auto draw_at = [&](const Place& place) {
    draw(expected, image::pillow_blur(image::placed(place.seam, canvas, place.x, place.y), 4.0), place.at, tile);
  };
  for (const Place& line : lines) draw_at(line);
  const Tensor made = drawn("Half Tile");
  EXPECT_EQ(testing::max_difference(made, expected), 0);
  EXPECT_GT(testing::max_difference(made, plain), 0.05);
  draw_at({image::crossing_seam(tile), 32, 32, {32, 32, 95, 95}});
  const Tensor crossed = drawn("Half Tile + Intersections");
  EXPECT_EQ(testing::max_difference(crossed, expected), 0);
  EXPECT_GT(testing::max_difference(crossed, made), 0.01);
}

}  // namespace
}  // namespace easel::nodes
