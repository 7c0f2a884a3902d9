#include "image/edit/pictures.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/cancel.h"
#include "image/edit/elementwise.h"
#include "image/edit/filters.h"

namespace easel::image {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 34;

// Copies a picture into `ground` with its corner at (x, y).
void paste(const Tensor& image, Tensor& ground, int64_t x, int64_t y) {
  const Tensor packed = contiguous(image);
  const int64_t row = image.dim(2) * image.dim(3);
  for (int64_t n = 0; n < image.dim(0); ++n)
    for (int64_t r = 0; r < image.dim(1); ++r) {
      poll_cancelled();
      std::copy_n(packed.f32() + (n * image.dim(1) + r) * row, row,
                  ground.f32() + ((n * ground.dim(1) + y + r) * ground.dim(2) + x) * image.dim(3));
    }
}

Tensor square(const Tensor& image, SquareFrom from) {
  const int64_t height = image.dim(1), width = image.dim(2), side = std::min(height, width);
  if (from == SquareFrom::kPad) {
    const int64_t x = std::max(height, width) - width, y = std::max(height, width) - height;
    return pad(image, {x / 2, y / 2, x - x / 2, y - y / 2}, 0.0f);
  }
  int64_t x = (width - side) / 2, y = (height - side) / 2;
  if (from == SquareFrom::kTop) y = 0;
  if (from == SquareFrom::kBottom) y = height - side;
  if (from == SquareFrom::kLeft) x = 0;
  if (from == SquareFrom::kRight) x = width - side;
  return image.slice(1, y, side).slice(2, x, side);
}

}  // namespace

Tensor invert(const Tensor& image) {
  return map(image, [](float v) { return 1.0f - v; });
}

Tensor take_from_batch(const Tensor& batch, int64_t index, int64_t length) {
  index = std::clamp<int64_t>(index, 0, batch.dim(0) - 1);
  return clone(batch.slice(0, index, std::clamp<int64_t>(length, 1, batch.dim(0) - index)));
}

Tensor repeat_batch(const Tensor& batch, int64_t amount) {
  if (amount < 1 || batch.numel() > kMostElements / amount)
    throw Error(Fault::kInvalid, "cannot repeat " + batch.str() + " " + std::to_string(amount) + " times");
  return fit_batch(batch, batch.dim(0) * amount);
}

Tensor fit_batch(const Tensor& batch, int64_t size) {
  if (batch.dim(0) == size) return batch;
  if (batch.dim(0) > size) return batch.slice(0, 0, size);
  const Tensor packed = contiguous(batch);
  Shape shape = batch.shape();
  shape[0] = size;
  Tensor out(shape, batch.dtype());
  const size_t one = packed.nbytes() / static_cast<size_t>(packed.dim(0));
  for (int64_t n = 0; n < size; ++n) {
    poll_cancelled();
    std::memcpy(static_cast<char*>(out.raw()) + static_cast<size_t>(n) * one,
                static_cast<const char*>(packed.raw()) + static_cast<size_t>(n % packed.dim(0)) * one, one);
  }
  return out;
}

Tensor concatenate(const Tensor& batch1, const Tensor& batch2) {
  Shape shape = batch1.shape(), other = batch2.shape();
  if (shape.rank() == other.rank() && shape.rank() > 0) other[0] = shape[0];
  if (!(shape == other) || batch1.dtype() != batch2.dtype())
    throw Error(Fault::kInvalid, "cannot make one batch of " + batch1.str() + " and " + batch2.str());
  shape[0] = batch1.dim(0) + batch2.dim(0);
  Tensor out(shape, batch1.dtype());
  const Tensor a = contiguous(batch1), b = contiguous(batch2);
  std::memcpy(out.raw(), a.raw(), a.nbytes());
  poll_cancelled();
  std::memcpy(static_cast<char*>(out.raw()) + a.nbytes(), b.raw(), b.nbytes());
  return out;
}

Tensor join_batches(const Tensor& batch1, const Tensor& batch2) {
  require_image(batch1, "the first batch");
  require_image(batch2, "the second batch");
  const bool fits = batch1.dim(1) == batch2.dim(1) && batch1.dim(2) == batch2.dim(2);
  return concatenate(
      batch1,
      fits ? batch2 : upscale(batch2, {batch1.dim(2), batch1.dim(1)}, ResizeMethod::kBilinear, CropMode::kCenter));
}

Tensor solid_picture(int64_t batch, Size size, uint32_t colour) {
  require_size(size);
  if (batch < 1 || batch > kMostElements / (size.width * size.height * 3))
    throw Error(Fault::kInvalid, "cannot make a batch of " + std::to_string(batch) + " pictures");
  Tensor out(Shape{batch, size.height, size.width, 3});
  const float values[3] = {static_cast<float>((colour >> 16 & 255) / 255.0),
                           static_cast<float>((colour >> 8 & 255) / 255.0), static_cast<float>((colour & 255) / 255.0)};
  for (int64_t i = 0; i < out.numel(); ++i) {
    if (i % (size.width * 3) == 0) poll_cancelled();
    out.f32()[i] = values[i % 3];
  }
  return out;
}

Tensor crop(const Tensor& image, Size size, int64_t x, int64_t y) {
  require_image(image, "the picture to be cropped");
  require_size(size);
  x = std::clamp<int64_t>(x, 0, image.dim(2) - 1);
  y = std::clamp<int64_t>(y, 0, image.dim(1) - 1);
  return clone(
      image.slice(1, y, std::min(size.height, image.dim(1) - y)).slice(2, x, std::min(size.width, image.dim(2) - x)));
}

Tensor pad(const Tensor& image, const Sides& sides, float value) {
  if (sides.left < 0 || sides.top < 0 || sides.right < 0 || sides.bottom < 0)
    throw Error(Fault::kInvalid, "a picture cannot be padded by a negative number of pixels");
  const Size size{image.dim(2) + sides.left + sides.right, image.dim(1) + sides.top + sides.bottom};
  require_size(size);
  Tensor ground = Tensor::full({image.dim(0), size.height, size.width, image.dim(3)}, value);
  paste(image, ground, sides.left, sides.top);
  return ground;
}

Padded pad_for_outpaint(const Tensor& image, const Sides& sides, int64_t feathering) {
  require_image(image, "the picture to be padded");
  const int64_t height = image.dim(1), width = image.dim(2);
  Padded out{pad(image, sides, 0.5f), {}};
  out.mask = Tensor::full({1, out.image.dim(1), out.image.dim(2)}, 1.0f);
  const bool feathers = feathering > 0 && feathering * 2 < height && feathering * 2 < width;
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    float* row = out.mask.f32() + (sides.top + y) * out.mask.dim(2) + sides.left;
    for (int64_t x = 0; x < width; ++x) {
      const int64_t distance = std::min({sides.top ? y : height, sides.bottom ? height - y : height,
                                         sides.left ? x : width, sides.right ? width - x : width});
      const double near = feathers && distance < feathering
                              ? static_cast<double>(feathering - distance) / static_cast<double>(feathering)
                              : 0;
      row[x] = static_cast<float>(near * near);
    }
  }
  return out;
}

std::pair<Tensor, Tensor> split_alpha(const Tensor& image) {
  require_image(image, "the picture to be split");
  const Tensor colour = clone(image.slice(3, 0, std::min<int64_t>(3, image.dim(3))));
  if (image.dim(3) < 4) return {colour, Tensor::zeros({image.dim(0), image.dim(1), image.dim(2)})};
  return {colour, invert(image.select(3, 3))};
}

Tensor join_alpha(const Tensor& image, const Tensor& transparency) {
  require_image(image, "the picture to be made transparent");
  require_mask(transparency, "the transparency");
  if (image.dim(3) < 3) throw Error(Fault::kInvalid, "transparency needs a picture in colour, not " + image.str());
  const int64_t batch = std::min(image.dim(0), transparency.dim(0)), height = image.dim(1), width = image.dim(2);
  const Tensor mask = resize(as_picture(transparency.slice(0, 0, batch)), {width, height}, ResizeMethod::kBilinear);
  const Tensor colour = contiguous(image.slice(0, 0, batch).slice(3, 0, 3));
  Tensor out(Shape{batch, height, width, 4});
  for (int64_t i = 0; i < mask.numel(); ++i) {
    if (i % width == 0) poll_cancelled();
    std::copy_n(colour.f32() + 3 * i, 3, out.f32() + 4 * i);
    out.f32()[4 * i + 3] = 1.0f - mask.f32()[i];
  }
  return out;
}

SquareFrom square_from(std::string_view name) {
  constexpr std::pair<std::string_view, SquareFrom> kNames[] = {
      {"top", SquareFrom::kTop},     {"bottom", SquareFrom::kBottom}, {"left", SquareFrom::kLeft},
      {"right", SquareFrom::kRight}, {"center", SquareFrom::kCenter}, {"pad", SquareFrom::kPad}};
  for (const auto& [known, from] : kNames)
    if (known == name) return from;
  throw Error(Fault::kInvalid, "unknown crop position: \"" + std::string(name) + "\"")
      .fix("Use top, bottom, left, right, center or pad");
}

Tensor square_for_clip(const Tensor& image, int64_t side, PillowFilter filter, SquareFrom from, double sharpening) {
  require_image(image, "the picture for CLIP vision");
  const Tensor out = pillow_resize(square(image, from), {side, side}, filter, Overflow::kWrap);
  return sharpening > 0 ? adaptive_sharpen(out, sharpening) : out;
}

void require_mask(const Tensor& mask, std::string_view what) {
  if (!mask.defined() || mask.rank() != 3 || mask.dtype() != DType::kF32 || mask.numel() == 0)
    throw Error(Fault::kInvalid, std::string(what) + " must be a mask, f32 [N,H,W], and is " +
                                     (mask.defined() ? mask.str() : "nothing"));
}

Tensor as_picture(const Tensor& mask) { return contiguous(mask).view({mask.dim(0), mask.dim(1), mask.dim(2), 1}); }

Tensor as_mask(const Tensor& picture) {
  return contiguous(picture).view({picture.dim(0), picture.dim(1), picture.dim(2)});
}

}  // namespace easel::image
