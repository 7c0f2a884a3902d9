// The real Fourier transform of small maps, as products with its matrices.
#pragma once

#include "nn/layers.h"

namespace easel::models::fill {

// Of maps of one size, along both sides; orthonormal, so that there and back is the map itself. As exact as f32 sums of
// so many terms; meant for sides up to a few hundred pixels.
class FourierTransform {
 public:
  FourierTransform(int64_t height, int64_t width, Device device);

  // [1,H,W,C] f32 -> [1,H,W/2+1,2 C]: of each channel the real and the imaginary part, beside one another
  // (torch.fft.rfft2, norm="ortho").
  Tensor forward(const Tensor& map) const;
  // Back, of any spectrum: of the columns that a real map has real at both ends, the imaginary parts that the transform
  // along the rows leaves count for nothing (torch.fft.irfft2, norm="ortho").
  Tensor backward(const Tensor& spectrum) const;

 private:
  int64_t height_, width_, columns_;
  nn::Linear rows_there_, columns_there_, columns_back_, rows_back_;
};

}  // namespace easel::models::fill
