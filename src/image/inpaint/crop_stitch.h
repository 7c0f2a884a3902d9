// The part of a picture around a mask, brought to a size for a sampler, and laid back afterwards
// (ComfyUI-Inpaint-CropAndStitch). Pictures are f32 [1,H,W,C], masks f32 [1,H,W].
#pragma once

#include <cstdint>

#include "image/edit/pictures.h"
#include "image/inpaint/mask_shapes.h"
#include "image/scale/pillow.h"
#include "tensor/tensor.h"

namespace easel::image {

// Which of its two implementations the extension is to be followed in: they differ at the borders of masks.
enum class CropFlavour { kProcessor, kCard };

// The mask, with what it encloses at each of the levels 1, 0.99, ... 0.1 raised to that level.
Tensor fill_enclosed_levels(const Tensor& mask);
// Grown to squares: the largest value around each pixel, over ceil(0.375 pixels + 1) pixels each way; an even number
// reaches one pixel further to the right and down, or is made odd on a card.
Tensor expand_mask(const Tensor& mask, int64_t pixels, CropFlavour flavour);
// A Gaussian of sigma pixels / 4, as far as four of them; beyond the border the mask is mirrored, on a card it is 0.
Tensor blur_mask(const Tensor& mask, double pixels, CropFlavour flavour);
// 0 for values below.
Tensor keep_from(const Tensor& mask, double least);

// Larger by `factor`, the same on all sides, but no larger than a picture of that size.
Box grown(const Box& box, double factor, Size within);
// The rectangle around both; an empty one does not count.
Box around(const Box& a, const Box& b);

// The picture in a larger or smaller one: `up` and `left` pixels are added (or, below 0, taken away), and what is
// missing down to `size` is added behind. The nearest pixels are repeated, but corners are black; with a border for a
// mask, all that is new has that value. Throws Error(kInvalid) for an empty size.
Tensor extended(const Tensor& image, Size size, int64_t up, int64_t left);
Tensor extended_mask(const Tensor& mask, Size size, int64_t up, int64_t left, float border);

// Both sides made multiples of `multiple`, when that is above 0: the size that cut_out() gives.
Size next_multiple(Size size, int64_t multiple);

// What is cut out, and how it goes back.
struct Cut {
  Tensor canvas;         // the picture, extended where the cut reaches beyond it
  Box picture, context;  // in the canvas: the picture itself, and what was cut out
  Tensor image, mask;    // the context, in the size that was asked for
};
struct CutSize {
  Size size;  // of the result, before next_multiple()
  int64_t multiple = 0;
  bool resize = true;  // else the context keeps its pixels, and grows to at least that size
  PillowFilter down = PillowFilter::kBilinear, up = PillowFilter::kBicubic;
};
// Throws Error(kInvalid) for an empty box or size.
Cut cut_out(const Tensor& image, const Tensor& mask, const Box& box, const CutSize& wanted);

// `painted` in the place of what was cut out, as far as `blend` (of the size of the cut) says. Throws Error(kInvalid)
// when the channels differ.
Tensor stitched(const Cut& cut, const Tensor& painted, const Tensor& blend, PillowFilter down, PillowFilter up);

// Pillow's resizing of a mask, as torchvision's pictures: cut to bytes without a limit.
Tensor resized_mask(const Tensor& mask, Size size, PillowFilter filter);

}  // namespace easel::image
