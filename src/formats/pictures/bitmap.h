// 8-bit pixels on their way into a file.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace easel::formats {

struct Bitmap {
  int64_t width = 0, height = 0;
  int channels = 0;
  std::vector<uint8_t> data;
};

// One picture, as picture.h says of the encoders: [H,W], [H,W,C] or [1,H,W,C]. Throws Error(kInvalid).
Bitmap to_bitmap(const Tensor& image);

// Throws Error(kInvalid) unless these are pictures [N,H,W,3] or [N,H,W,4].
void require_batch(const Tensor& images);

}  // namespace easel::formats
