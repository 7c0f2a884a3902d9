// The colours of one picture given to another (the color-matcher library).
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

enum class ColourTransfer {
  kLinear,              // the linear map that moves the colours least (Monge-Kantorovich; Pitie and Kokaram 2007)
  kHistogram,           // channel by channel, so that the histograms agree
  kReinhard,            // mean and deviation in a logarithmic space of opponent colours (Reinhard et al. 2001)
  kHistogramAndLinear,  // the histogram, the linear map, and the histogram once more
};

// target + strength (transferred - target), cut to 0..1. Both f32 [1,H,W,3], of any size. A reference or a target of a
// single pixel has no distribution: the target is returned. kReinhard takes pixels of 0 for 1/255, in the target as
// well. Throws Error(kInvalid) for other channels, and for kReinhard when the target has no deviation in a channel.
Tensor transfer_colours(const Tensor& target, const Tensor& reference, ColourTransfer how, double strength);

}  // namespace easel::image
