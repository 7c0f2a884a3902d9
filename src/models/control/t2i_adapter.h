// T2I-Adapters: small networks that turn a picture into maps added after a UNet's input blocks (Mou et al. 2023).
#pragma once

#include "models/control/controlnet.h"
#include "nn/weights.h"

namespace easel::models {

struct T2iConfig {
  bool light = false;
  bool sdxl = false;          // works at half the resolution, and adds to the middle block as well
  int64_t unshuffle = 8;      // pixels along a side that become channels
  int64_t hint_channels = 3;  // 1: the picture's mean over its channels
  int64_t model_channels = 0;
};

// Throws Error(kBadFile).
T2iConfig read_t2i_config(const nn::Weights& w, ControlKind kind);

// `w` has the names of control_tensors(). Always computed in f32, because it runs only once. Throws Error(kBadFile).
std::shared_ptr<const ControlNet> make_t2i_adapter(const nn::Weights& w, ControlKind kind);

}  // namespace easel::models
