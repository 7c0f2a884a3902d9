// Networks that fill holes in pictures.
#pragma once

#include "synth/models/manifest.h"

namespace easel::synth {

// big-lama.pt, of so many channels in its first layer and so many residual blocks, without what is before its names.
Manifest lama(int64_t channels, int64_t blocks);

// MAT_Places512_G_fp16.safetensors.
struct MatPlan {
  int64_t side = 512;                // of pictures: 128, 256 or 512
  int64_t first = 180, code = 512;   // widths of the first stage, and of codes
  std::vector<int64_t> levels = {};  // widths of the second stage's maps, from the smallest (16 x 16) to the largest
};
Manifest mat(const MatPlan& plan);

}  // namespace easel::synth
