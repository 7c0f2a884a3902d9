// Changes to a UNet's maps between its blocks.
#pragma once

#include "image/scale/resize.h"
#include "models/unet/unet.h"

namespace easel::models {

// FreeU (Si et al. 2023): in the output blocks whose maps have four and two times the model's width, half of the
// channels are amplified and the lowest frequencies of the skip connection attenuated.
struct FreeU {
  float backbone4 = 1.1f, backbone2 = 1.2f, skip4 = 0.9f, skip2 = 0.2f;
  bool by_mean = false;  // version 2: amplified by the map's mean over its channels
};
BlockHookPtr free_u(const FreeU& options, const UNetConfig& config);

// "Deep shrink": the map is scaled down after one input block, and up to the size of its skip connection in the output
// blocks. That is less work, and avoids that a large size repeats the picture.
struct DeepShrink {
  int block = 3;
  double factor = 2.0;
  float first_sigma = 0, last_sigma = 0;  // active while last_sigma <= sigma <= first_sigma
  bool after_skip = true;
  image::ResizeMethod down = image::ResizeMethod::kBicubic, up = image::ResizeMethod::kBicubic;
};
BlockHookPtr deep_shrink(const DeepShrink& options);

}  // namespace easel::models
