#include "image/inpaint/square.h"

#include <algorithm>

#include "base/error.h"
#include "image/edit/pictures.h"
#include "image/inpaint/mask_filters.h"

namespace easel::image {

Tensor made_square(const Tensor& picture, int64_t side) {
  require_image(picture, "picture");
  const Tensor in = contiguous(picture);
  const int64_t height = in.dim(1), width = in.dim(2), channels = in.dim(3), whole = std::max(height, width);
  if (height == side && width == side) return in;
  if (height == width) return resize(in, {side, side}, ResizeMethod::kNearestExact);
  Tensor out = Tensor::zeros({in.dim(0), whole, whole, channels});
  // Rows or columns behind the last one, as far as they mirror others.
  const auto source = [](int64_t i, int64_t count) { return i < count ? i : 2 * count - 2 - i; };
  const int64_t rows = std::min(whole, 2 * height - 1), columns = std::min(whole, 2 * width - 1);
  for (int64_t n = 0; n < in.dim(0); ++n)
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x)
        std::copy_n(in.f32() + ((n * height + source(y, height)) * width + source(x, width)) * channels, channels,
                    out.f32() + ((n * whole + y) * whole + x) * channels);
  return whole == side ? out : resize(out, {side, side}, ResizeMethod::kNearestExact);
}

Tensor cut_from_square(const Tensor& square, Size size) {
  const int64_t whole = std::max(size.height, size.width);
  const Tensor large = square.dim(1) == whole ? square : resize(square, {whole, whole}, ResizeMethod::kBilinear);
  return contiguous(large.slice(1, 0, size.height).slice(2, 0, size.width));
}

Tensor filled_where_selected(const Tensor& picture, const Tensor& filled, const Tensor& mask) {
  require_image(picture, "picture");
  require_mask(mask, "mask");
  const Tensor in = contiguous(picture), other = contiguous(filled), selected = fully_selected(contiguous(mask));
  const int64_t pixels = in.dim(1) * in.dim(2), channels = in.dim(3);
  const bool shared = mask.dim(0) != in.dim(0);
  if (!(in.shape() == other.shape()) || mask.dim(1) != in.dim(1) || mask.dim(2) != in.dim(2) ||
      (shared && mask.dim(0) < 1))
    throw Error(Fault::kInvalid, "a mask " + mask.shape().str() + " does not fit pictures " + in.shape().str());
  Tensor out(in.shape());
  for (int64_t i = 0; i < in.numel(); ++i) {
    const int64_t pixel = i / channels, at = shared ? pixel % pixels : pixel;
    out.f32()[i] = in.f32()[i] + (other.f32()[i] - in.f32()[i]) * selected.f32()[at];
  }
  return out;
}

}  // namespace easel::image
