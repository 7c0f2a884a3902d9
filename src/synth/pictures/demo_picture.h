// The project's own pictures, made by code, which the demo, the examples and the docs use as references.
#pragma once

#include <span>
#include <string_view>

#include "image/scale/resize.h"
#include "tensor/tensor.h"

namespace easel::synth {

// "lighthouse" (at dusk), "still_life", "portrait", "boat" (drawn in ink).
std::span<const std::string_view> demo_scenes();

// A scene as f32 [1,height,width,3] in 0..1, the same on every machine to 8 bits. The middle square is composed, other
// shapes show more of the sides or of above and below; of the boat, the middle. Throws Error(kInvalid) for an unknown
// scene or an empty size.
Tensor demo_picture(std::string_view scene, image::Size size);

}  // namespace easel::synth
