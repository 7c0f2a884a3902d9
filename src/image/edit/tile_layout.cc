#include "image/edit/tile_layout.h"

#include <algorithm>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "image/inpaint/mask_filters.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

TileLayout::TileLayout(const Tensor& image, const TileOptions& options) : options_(options) {
  require_image(image, "image");
  const int64_t multiple = options.multiple;
  const auto refuse = [](const std::string& text, const char* input) {
    return Error(Fault::kInvalid, text).at_input(input);
  };
  for (const int dimension : {1, 2})
    if (image.dim(dimension) % multiple != 0)
      throw refuse("the picture is " + std::to_string(image.dim(2)) + "x" + std::to_string(image.dim(1)) +
                       " pixels large, which are no multiples of " + std::to_string(multiple),
                   "image")
          .fix("Resize it");
  if (options.least_size % multiple != 0)
    throw refuse(
        "a tile of " + std::to_string(options.least_size) + " pixels is no multiple of " + std::to_string(multiple),
        "min_tile_size");
  if (options.blending > options.padding) throw refuse("the blending must not be larger than the padding", "blending");
  if (options.least_size <= 2 * options.padding)
    throw refuse("a padding of " + std::to_string(options.padding) + " pixels leaves nothing of a tile of " +
                     std::to_string(options.least_size),
                 "padding");
  for (size_t i = 0; i < axes_.size(); ++i) {
    Axis& axis = axes_[i];
    axis.size = image.dim(static_cast<int>(i) + 1);
    axis.count = std::max<int64_t>(1, axis.size / (options.least_size - 2 * options.padding));
    const int64_t with_overlap = axis.size + (axis.count - 1) * 2 * options.padding;
    axis.tile = divided_up(divided_up(with_overlap, axis.count), multiple) * multiple;
  }
}

TileLayout::Range TileLayout::range(const Axis& axis, int64_t position, int64_t padding) const {
  const int64_t begin = position * (axis.tile - 2 * options_.padding);
  const int64_t end = begin + axis.tile - (position == axis.count - 1 ? 0 : padding);
  return {std::min(axis.size, begin + (position == 0 ? 0 : padding)), std::min(axis.size, end)};
}

std::array<TileLayout::Range, 2> TileLayout::place(int64_t index, int64_t padding) const {
  return {range(axes_[0], index % axes_[0].count, padding), range(axes_[1], index / axes_[0].count, padding)};
}

void TileLayout::require(const Tensor& image, int64_t index) const {
  require_image(image, "image");
  if (image.dim(1) != axes_[0].size || image.dim(2) != axes_[1].size)
    throw Error(Fault::kInvalid, "the layout is for pictures of " + std::to_string(axes_[1].size) + "x" +
                                     std::to_string(axes_[0].size) + " pixels, and this one has " +
                                     std::to_string(image.dim(2)) + "x" + std::to_string(image.dim(1)));
  if (index >= count())
    throw Error(Fault::kInvalid,
                "there is no tile " + std::to_string(index) + " of " + std::to_string(count()) + ", counted from 0")
        .at_input("index");
}

Tensor TileLayout::tile(const Tensor& image, int64_t index) const {
  require(image, index);
  const auto [rows, columns] = place(index, 0);
  return clone(image.slice(1, rows.begin, rows.end - rows.begin).slice(2, columns.begin, columns.end - columns.begin));
}

Tensor TileLayout::mask(int64_t index, bool blend) const {
  if (index >= count())
    throw Error(Fault::kInvalid,
                "there is no tile " + std::to_string(index) + " of " + std::to_string(count()) + ", counted from 0")
        .at_input("index");
  const auto whole = place(index, 0),
             own = place(index, blend ? options_.padding : options_.padding - options_.blending);
  const int64_t height = whole[0].end - whole[0].begin, width = whole[1].end - whole[1].begin;
  Tensor out = Tensor::zeros({1, height, width});
  for (int64_t y = own[0].begin - whole[0].begin; y < own[0].end - whole[0].begin; ++y)
    std::fill_n(out.f32() + y * width + own[1].begin - whole[1].begin, std::max<int64_t>(0, own[1].end - own[1].begin),
                1.0f);
  return blend && options_.blending > 0 ? soften(out, options_.blending, Softening::kBox) : out;
}

Tensor TileLayout::merged(const Tensor& image, int64_t index, const Tensor& tile) const {
  require(image, index);
  const auto [rows, columns] = place(index, 0);
  const int64_t height = rows.end - rows.begin, width = columns.end - columns.begin, channels = image.dim(3);
  if (tile.rank() != 4 || tile.dim(1) != height || tile.dim(2) != width || tile.dim(3) != channels ||
      (tile.dim(0) != image.dim(0) && tile.dim(0) != 1))
    throw Error(Fault::kInvalid, "tile " + std::to_string(index) + " is " + std::to_string(width) + "x" +
                                     std::to_string(height) + " pixels large, not " + tile.str())
        .at_input("tile");
  const Tensor part = contiguous(tile), own = contiguous(mask(index, true));
  Tensor out = clone(image);
  for (int64_t n = 0; n < out.dim(0); ++n)
    for (int64_t y = 0; y < height; ++y) {
      poll_cancelled();
      for (int64_t x = 0; x < width; ++x) {
        const float m = own.f32()[y * width + x];
        float* to = out.f32() + ((n * out.dim(1) + rows.begin + y) * out.dim(2) + columns.begin + x) * channels;
        const float* from = part.f32() + (((part.dim(0) == 1 ? 0 : n) * height + y) * width + x) * channels;
        for (int64_t c = 0; c < channels; ++c) to[c] = (1 - m) * to[c] + m * from[c];
      }
    }
  return out;
}

}  // namespace easel::image
