// Masks: made, changed, combined.
#include <algorithm>
#include <cmath>

#include "nodes/pixels.h"
#include "nodes/table.h"
#include "sampling/map.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMaxSide = 16384;

In side(const char* name, int64_t value, int64_t least) { return Int(name).def(value).range(least, kMaxSide).step(1); }

Outputs to_image(Call& call) {
  const Tensor flat = contiguous(call.tensor("mask"));
  Tensor out({flat.dim(0), flat.dim(1), flat.dim(2), 3});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = flat.f32()[i / 3];
  return {image(out)};
}

Outputs from_image(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const std::string& channel = call.text("channel");
  const int64_t index = channel == "red" ? 0 : channel == "green" ? 1 : channel == "blue" ? 2 : 3;
  if (index >= pixels.dim(3))
    throw Error(Fault::kInvalid, "the picture has no channel '" + channel + "'").at_input("channel");
  return {mask(contiguous(pixels.select(3, index)))};
}

// 1 where the picture has exactly this colour.
Outputs from_color(Call& call) {
  const Tensor pixels = contiguous(call.tensor("image"));
  const int64_t color = call.integer("color"), c = pixels.dim(3);
  if (c < 3) throw Error(Fault::kInvalid, "the picture has no colours").at_input("image");
  Tensor out({pixels.dim(0), pixels.dim(1), pixels.dim(2)});
  for (int64_t i = 0; i < out.numel(); ++i) {
    int64_t packed = 0;
    for (int64_t k = 0; k < 3; ++k)
      packed = packed * 256 + std::lrint(std::clamp(pixels.f32()[i * c + k], 0.0f, 1.0f) * 255.0f);
    out.f32()[i] = packed == color ? 1.0f : 0.0f;
  }
  return {mask(out)};
}

Outputs combine(Call& call) {
  Tensor out = clone(call.tensor("destination"));
  const Tensor source = contiguous(repeat_to_batch(call.tensor("source"), out.dim(0)));
  const int64_t x = call.integer("x"), y = call.integer("y");
  const int64_t h = std::min(source.dim(1), out.dim(1) - y), w = std::min(source.dim(2), out.dim(2) - x);
  const std::string& operation = call.text("operation");
  const auto apply = [&](const auto& f) {
    for (int64_t n = 0; n < out.dim(0); ++n)
      for (int64_t row = 0; row < h; ++row)
        for (int64_t column = 0; column < w; ++column) {
          float& d = out.f32()[(n * out.dim(1) + row + y) * out.dim(2) + column + x];
          d = f(d, source.f32()[(n * source.dim(1) + row) * source.dim(2) + column]);
        }
  };
  const auto set = [](float v) { return std::nearbyint(v) != 0; };
  if (operation == "multiply") apply([](float d, float s) { return d * s; });
  else if (operation == "add") apply([](float d, float s) { return d + s; });
  else if (operation == "subtract") apply([](float d, float s) { return d - s; });
  else if (operation == "and") apply([&](float d, float s) { return set(d) && set(s) ? 1.0f : 0.0f; });
  else if (operation == "or") apply([&](float d, float s) { return set(d) || set(s) ? 1.0f : 0.0f; });
  else apply([&](float d, float s) { return set(d) != set(s) ? 1.0f : 0.0f; });
  for (float& v : out.values()) v = std::clamp(v, 0.0f, 1.0f);
  return {mask(out)};
}

// Edges fade to 0 towards the border. From the right and the bottom the reference counts from the first line,
// not the last: line -0 is line 0.
Outputs feather(Call& call) {
  Tensor out = clone(call.tensor("mask"));
  const int64_t h = out.dim(1), w = out.dim(2);
  const auto column = [&](int64_t x, float rate) {
    for (int64_t i = 0; i < out.dim(0) * h; ++i) out.f32()[i * w + x] *= rate;
  };
  const auto line = [&](int64_t y, float rate) {
    for (int64_t n = 0; n < out.dim(0); ++n)
      for (int64_t x = 0; x < w; ++x) out.f32()[(n * h + y) * w + x] *= rate;
  };
  const auto rates = [](int64_t count, int64_t limit, const auto& apply) {
    count = std::min(count, limit);
    for (int64_t i = 0; i < count; ++i)
      apply(i, static_cast<float>(static_cast<double>(i + 1) / static_cast<double>(count)));
  };
  rates(call.integer("left"), w, column);
  rates(call.integer("right"), w, [&](int64_t i, float rate) { column(i == 0 ? 0 : w - i, rate); });
  rates(call.integer("top"), h, line);
  rates(call.integer("bottom"), h, [&](int64_t i, float rate) { line(i == 0 ? 0 : h - i, rate); });
  return {mask(out)};
}

// One step of growing (the largest of a pixel and its neighbours) or shrinking (the smallest). Beyond the border
// scipy mirrors, which a pixel's own neighbourhood already covers.
Tensor grow_once(const Tensor& in, bool shrink, bool corners) {
  Tensor out(in.shape());
  const int64_t h = in.dim(1), w = in.dim(2);
  const auto pick = [&](float a, float b) { return shrink ? std::min(a, b) : std::max(a, b); };
  for (int64_t n = 0; n < in.dim(0); ++n) {
    const float* from = in.f32() + n * h * w;
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x) {
        float v = from[y * w + x];
        for (int64_t dy = -1; dy <= 1; ++dy)
          for (int64_t dx = -1; dx <= 1; ++dx) {
            if ((dy != 0 && dx != 0 && !corners) || y + dy < 0 || y + dy >= h || x + dx < 0 || x + dx >= w) continue;
            v = pick(v, from[(y + dy) * w + x + dx]);
          }
        out.f32()[(n * h + y) * w + x] = v;
      }
  }
  return out;
}

Outputs grow(Call& call) {
  Tensor out = contiguous(call.tensor("mask"));
  // More steps than the mask is wide change nothing.
  const int64_t expand = call.integer("expand"), steps = std::min(std::abs(expand), out.dim(1) + out.dim(2));
  for (int64_t i = 0; i < steps; ++i) {
    call.check_cancelled();
    out = grow_once(out, expand < 0, !call.flag("tapered_corners"));
  }
  return {mask(out)};
}

}  // namespace

void register_mask_nodes(Table& table);
void register_mask_nodes(Table& table) {
  table.add({.name = "MaskToImage",
             .display = "Convert Mask to Image",
             .category = "mask",
             .description = "A mask as a grey picture.",
             .inputs = {Link("mask", "MASK")},
             .outputs = {{"IMAGE"}},
             .run = to_image});
  table.add({.name = "ImageToMask",
             .display = "Convert Image to Mask",
             .category = "mask",
             .description = "One channel of a picture as a mask.",
             .inputs = {Link("image", "IMAGE"), Choice("channel", {"red", "green", "blue", "alpha"})},
             .outputs = {{"MASK"}},
             .run = from_image});
  table.add({.name = "ImageColorToMask",
             .category = "mask",
             .description = "A mask of the pixels that have one colour.",
             .inputs = {Link("image", "IMAGE"), Int("color").def(0).range(0, 0xFFFFFF).step(1)},
             .outputs = {{"MASK"}},
             .run = from_color});
  table.add(
      {.name = "SolidMask",
       .category = "mask",
       .description = "A mask of one value.",
       .inputs = {Float("value").def(1.0).range(0.0, 1.0).step(0.01), side("width", 512, 1), side("height", 512, 1)},
       .outputs = {{"MASK"}},
       .run = [](Call& call) -> Outputs {
         return {mask(Tensor::full({1, call.integer("height"), call.integer("width")},
                                   static_cast<float>(call.number("value"))))};
       }});
  table.add({.name = "InvertMask",
             .category = "mask",
             .description = "Turns a mask around.",
             .inputs = {Link("mask", "MASK")},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(sampling::map([](float v) { return 1.0f - v; }, contiguous(call.tensor("mask"))))};
             }});
  table.add({.name = "CropMask",
             .category = "mask",
             .description = "Cuts a rectangle out of a mask.",
             .inputs = {Link("mask", "MASK"), side("x", 0, 0), side("y", 0, 0), side("width", 512, 1),
                        side("height", 512, 1)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               return {mask(cut(call.tensor("mask"), call.integer("y"), call.integer("x"), call.integer("height"),
                                call.integer("width")))};
             }});
  table.add({.name = "MaskComposite",
             .category = "mask",
             .description = "Combines two masks, the second placed on the first.",
             .inputs = {Link("destination", "MASK"), Link("source", "MASK"), side("x", 0, 0), side("y", 0, 0),
                        Choice("operation", {"multiply", "add", "subtract", "and", "or", "xor"})},
             .outputs = {{"MASK"}},
             .run = combine});
  table.add({.name = "FeatherMask",
             .category = "mask",
             .description = "Lets a mask fade towards its borders.",
             .inputs = {Link("mask", "MASK"), side("left", 0, 0), side("top", 0, 0), side("right", 0, 0),
                        side("bottom", 0, 0)},
             .outputs = {{"MASK"}},
             .run = feather});
  table.add({.name = "GrowMask",
             .category = "mask",
             .description = "Grows a mask by pixels, or shrinks it.",
             .inputs = {Link("mask", "MASK"), Int("expand").def(0).range(-kMaxSide, kMaxSide).step(1),
                        Bool("tapered_corners").def(true)},
             .outputs = {{"MASK"}},
             .run = grow});
  table.add({.name = "ThresholdMask",
             .category = "mask",
             .description = "1 where a mask is above a value, else 0.",
             .inputs = {Link("mask", "MASK"), Float("value").def(0.5).range(0.0, 1.0).step(0.01)},
             .outputs = {{"MASK"}},
             .run = [](Call& call) -> Outputs {
               const auto value = static_cast<float>(call.number("value"));
               return {mask(
                   sampling::map([=](float v) { return v > value ? 1.0f : 0.0f; }, contiguous(call.tensor("mask"))))};
             }});
}

}  // namespace easel::nodes
