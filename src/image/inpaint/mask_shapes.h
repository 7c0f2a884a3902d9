// What is selected in masks, seen as shapes: the windows and rectangles around it, and the holes in it.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::image {

// Of each window the largest value, or the smallest.
enum class Extreme { kLargest, kSmallest };

// Each pixel of masks [N,H,W] becomes the extreme of the window of `size` x `size` pixels that begins size / 2 (rounded
// down) pixels above and to the left of it; what lies outside of the mask counts for nothing (cv2.dilate, cv2.erode).
// Throws Error(kInvalid) for what is no mask, and for a size below 1.
Tensor extreme_in_window(const Tensor& mask, int64_t size, Extreme which);

// 1 where a mask [N,H,W] is above 0, and where no path over other pixels, up, down, left and right, leads to the border
// (scipy's binary_fill_holes); else 0. Throws Error(kInvalid) for what is no mask.
Tensor without_holes(const Tensor& mask);

// A rectangle in pixels; its corner may lie outside of a picture. Empty if the width is 0.
struct Box {
  int64_t x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};
// The smallest rectangle around what is not 0 in the first of the masks [N,H,W]; empty when all of it is 0. Throws
// Error(kInvalid) for what is no mask.
Box bounds_of(const Tensor& mask);

}  // namespace easel::image
