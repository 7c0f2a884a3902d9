// Maps of scores for places of a body, [H,W,C] f32, resized as OpenCV and blurred as SciPy do it, and the pictures
// that they are made from.
#pragma once

#include "image/hints/byte_picture.h"
#include "image/scale/resize.h"
#include "tensor/claimed_vector.h"
#include "tensor/tensor.h"

namespace easel::image {

// By area when it becomes smaller, else by Lanczos' window of eight pixels, as OpenPose's Python ports resize.
BytePicture pose_resized(const BytePicture& picture, Size size);
// The same for [H,W,C] f32. Throws Error(kInternal) when one side grows and the picture becomes smaller.
Tensor pose_resized(const Tensor& map, Size size);

// What the networks take: [1,H,W,3] f32 from -0.5 to 0.5, blue first, of a picture with red first; grey below and on
// the right up to multiples of 8.
Tensor pose_pixels(const BytePicture& picture);

// OpenCV's GaussianBlur() of 8-bit pixels, sigma 0.8.
BytePicture slightly_blurred(const BytePicture& picture);

// One channel of [H,W,C], smoothed by scipy.ndimage.gaussian_filter with sigma 3, in f64: H x W values.
ClaimedVector<double> smoothed_channel(const Tensor& map, int64_t channel);

// A part of the picture; what of it lies outside is left out.
BytePicture cut_out(const BytePicture& picture, int64_t x, int64_t y, int64_t width, int64_t height);

}  // namespace easel::image
