// Changes to a UNet's maps between its blocks.
#pragma once

#include "image/scale/resize.h"
#include "models/unet/unet.h"

namespace easel::models {

// FreeU (Si et al. 2023): in the output blocks that take maps of four and of two times the model's width, half of
// the channels are made stronger and the lowest frequencies of the skip connection weaker.
struct FreeU {
  float backbone4 = 1.1f, backbone2 = 1.2f, skip4 = 0.9f, skip2 = 0.2f;
  bool by_mean = false;  // version 2: stronger where the map's mean over its channels is high
};
BlockHookPtr free_u(const FreeU& options, const UNetConfig& config);

// Maps made smaller after one input block, and to the size of their skip connection again in the output blocks:
// less work, and one picture where a large size would give several ("deep shrink").
struct DeepShrink {
  int block = 3;
  double factor = 2.0;
  float first_sigma = 0, last_sigma = 0;  // at work while last <= sigma <= first
  bool after_skip = true;
  image::ResizeMethod down = image::ResizeMethod::kBicubic, up = image::ResizeMethod::kBicubic;
};
BlockHookPtr deep_shrink(const DeepShrink& options);

}  // namespace easel::models
