// Networks that enlarge pictures by attention.
#pragma once

#include <array>
#include <vector>

#include "synth/models/manifest.h"

namespace easel::synth {

// How the last map becomes a picture.
enum class Painting { kPixels, kNearest, kDirect, kDifference };

struct SwinPlan {
  int64_t width = 180, heads = 6, window = 8, scale = 4, features = 64;
  std::vector<int> groups = {6, 6, 6, 6, 6, 6};  // blocks of each
  Painting painting = Painting::kPixels;
  bool narrow = false;  // three convolutions behind each group instead of one
};
// 001_classicalSR_DF2K_s64w8_SwinIR-M_x4.pth and its siblings.
Manifest swin_ir(const SwinPlan& plan);
// Real_HAT_GAN_SRx4.pth; windows see half as much again.
Manifest hat(const SwinPlan& plan);

struct DatPlan {
  int64_t width = 180, heads = 6, scale = 4, features = 64, inner = 5;  // inner: of the network of distances
  std::array<int64_t, 2> window{8, 32};
  std::vector<int> groups = {6, 6, 6, 6, 6, 6};
};
// DAT_x4.pth. The ways between pixels, which are no weights, are left to whoever fills it.
Manifest dat(const DatPlan& plan);

struct OmniPlan {
  int64_t width = 64, window = 8, scale = 4, groups = 5, blocks = 1, narrow = 16;
};
// OmniSR_X4_DIV2K.safetensors.
Manifest omni_sr(const OmniPlan& plan);

}  // namespace easel::synth
