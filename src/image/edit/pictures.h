// Operations of nodes on whole pictures. All take and return f32 [N,H,W,C]; masks are f32 [N,H,W].
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "image/scale/pillow.h"
#include "tensor/tensor.h"

namespace easel::image {

// 1 - image.
Tensor invert(const Tensor& image);

// The `length` pictures of the batch from `index` on. Both numbers are clamped so that at least one picture is taken
// and none beyond the batch.
Tensor take_from_batch(const Tensor& batch, int64_t index, int64_t length);

// The batch repeated `amount` times, any rank. Throws Error(kInvalid) if `amount` is below 1.
Tensor repeat_batch(const Tensor& batch, int64_t amount);

// A batch of exactly `size`: cut, or repeated from its beginning (comfy.utils.repeat_to_batch_size). Any rank.
Tensor fit_batch(const Tensor& batch, int64_t size);

// The two batches one after the other, any rank. Throws Error(kInvalid) when the other dimensions differ.
Tensor concatenate(const Tensor& batch1, const Tensor& batch2);

// concatenate() with `batch2` resized to `batch1`, bilinear with a centre crop (ImageBatch, LatentBatch).
Tensor join_batches(const Tensor& batch1, const Tensor& batch2);

// Pictures [N,height,width,3] of one colour, 0xRRGGBB.
Tensor solid_picture(int64_t batch, Size size, uint32_t colour);

// A rectangle of a picture, in memory of its own. The corner is moved inside the picture; the result may be smaller
// than `size` (ImageCrop).
Tensor crop(const Tensor& image, Size size, int64_t x, int64_t y);

struct Sides {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
};

// The picture with a border of `value`.
Tensor pad(const Tensor& image, const Sides& sides, float value);

// The picture with a grey (0.5) border, and the mask [1,H,W] of the part to be painted: 1 on the border, falling to 0
// over `feathering` pixels of the picture (ImagePadForOutpaint).
struct Padded {
  Tensor image, mask;
};
Padded pad_for_outpaint(const Tensor& image, const Sides& sides, int64_t feathering);

// A picture's colours [N,H,W,3] and its transparency [N,H,W] (1 = transparent; all 0 without a fourth channel).
std::pair<Tensor, Tensor> split_alpha(const Tensor& image);
// A picture with alpha [N,H,W,4]; the mask is resized to the picture, and the batch is as long as the shorter of the
// two.
Tensor join_alpha(const Tensor& image, const Tensor& transparency);

// The side from which a square is cropped; kPad pads the picture with black to a square.
enum class SquareFrom { kTop, kBottom, kLeft, kRight, kCenter, kPad };
// The side of a name that the IP-Adapter nodes use ("top", ..., "pad"). Throws Error(kInvalid) for any other name.
SquareFrom square_from(std::string_view name);
// PrepImageForClipVision: a square of `side` pixels, resized by Pillow, then sharpened by `sharpening` (0..1).
Tensor square_for_clip(const Tensor& image, int64_t side, PillowFilter filter, SquareFrom from, double sharpening);

// Throws Error(kInvalid), naming `what`, unless `mask` is f32 [N,H,W] with at least one element.
void require_mask(const Tensor& mask, std::string_view what);

// A mask [N,H,W] as pictures of one channel [N,H,W,1], and back.
Tensor as_picture(const Tensor& mask);
Tensor as_mask(const Tensor& picture);

}  // namespace easel::image
