// Conditioning cut for tiles: masks against Pillow (values/tile_masks.py), places worked out by hand.
#include "nodes/extensions/tiles/tile_conditioning.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/gligen/gligen.h"

namespace easel::nodes {
namespace {

Tensor mask() {
  Tensor out({1, 16, 24});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>((i * 37 + 11) % 256) / 255.0f;
  return out;
}

TileCut cut(Region crop, image::Size size) { return {crop, size, {32, 24}, {64, 48}}; }

models::ConditioningEntry cropped(const models::ConditioningEntry& entry, const TileCut& where) {
  return for_tile({entry}, "positive", where).at(0);
}

TEST(TileConditioning, MasksAreCutAsPillowDoesIt) {
  struct Case {
    Region crop;
    image::Size size;
    int64_t sum, weighted;
  };
  for (const Case& c : {Case{{8, 4, 40, 28}, {32, 24}, 99945, 4993090}, Case{{0, 0, 40, 20}, {32, 32}, 126291, 6365644},
                        Case{{10, 0, 30, 48}, {40, 32}, 164245, 8219640}}) {
    models::ConditioningEntry entry;
    entry.mask = mask();
    const Tensor out = cropped(entry, cut(c.crop, c.size)).mask;
    ASSERT_EQ(out.shape(), (Shape{1, c.size.height, c.size.width}));
    int64_t sum = 0, weighted = 0;
    for (int64_t i = 0; i < out.numel(); ++i) {
      const int64_t byte = std::lround(out.f32()[i] * 255.0f);
      sum += byte;
      weighted += byte * (i * 31 % 101);
    }
    EXPECT_EQ(sum, c.sum);
    EXPECT_EQ(weighted, c.weighted);
  }
}

// Areas are in latent pixels of the first picture, of which one is 16 pixels of the canvas.
TEST(TileConditioning, AreasAndBoxesMoveWithTheTile) {
  models::ConditioningEntry entry;
  entry.area = models::Area{.height = 2, .width = 2, .y = 1, .x = 1};  // 16..48 of the canvas, both ways
  entry.strength = 0.5f;
  auto boxes = std::make_shared<models::GligenBoxes>();
  boxes->boxes = {{{}, 2, 2, 1, 1}, {{}, 1, 1, 0, 0}};
  entry.gligen = boxes;
  const auto inside = cropped(entry, cut({24, 0, 64, 32}, {40, 32}));
  ASSERT_TRUE(inside.area);
  EXPECT_EQ(inside.area->x, 0);
  EXPECT_EQ(inside.area->y, 2);
  EXPECT_EQ(inside.area->width, 3);   // 24..48
  EXPECT_EQ(inside.area->height, 2);  // 16..32
  EXPECT_EQ(inside.strength, 0.5f);
  ASSERT_EQ(inside.gligen->boxes.size(), 1u) << "the other box is beside the tile";
  EXPECT_EQ(inside.gligen->boxes[0].width, 3);
  EXPECT_EQ(inside.gligen->boxes[0].y, 2);
  const auto beside = cropped(entry, cut({48, 0, 64, 32}, {16, 32}));
  EXPECT_FALSE(beside.area) << "then it counts for all of the tile";
  EXPECT_EQ(beside.strength, 1.0f);
  entry.area->relative = true;
  EXPECT_THROW(cropped(entry, cut({24, 0, 64, 32}, {40, 32})), Error);
  models::ConditioningEntry inpaint;
  inpaint.concat_latent_image = Tensor::zeros({1, 2, 2, 4});
  EXPECT_THROW(cropped(inpaint, cut({24, 0, 64, 32}, {40, 32})), Error);
}

TEST(TileConditioning, HintsAreCutInTheirOwnSize) {
  Tensor hint({1, 24, 32, 3});  // half of the canvas
  for (int64_t i = 0; i < hint.numel(); ++i) hint.f32()[i] = static_cast<float>(i);
  models::ControlLink first, second;
  first.hint = hint;
  second.hint = hint;
  second.previous = std::make_shared<const models::ControlLink>(first);
  models::ConditioningEntry entry;
  entry.control = std::make_shared<const models::ControlLink>(second);
  const auto out = cropped(entry, cut({16, 8, 48, 40}, {16, 16}));
  for (const models::ControlLink* link : {out.control.get(), out.control->previous.get()}) {
    ASSERT_EQ(link->hint.shape(), (Shape{1, 16, 16, 3}));
    for (int64_t y = 0; y < 16; ++y)
      for (int64_t x = 0; x < 16; ++x)
        ASSERT_EQ(link->hint.f32()[(y * 16 + x) * 3], hint.f32()[((y + 4) * 32 + x + 8) * 3]) << y << ", " << x;
  }
}

}  // namespace
}  // namespace easel::nodes
