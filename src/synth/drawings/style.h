// The six ways a sketch is drawn.
#pragma once

#include <cstdint>
#include <string_view>

#include "synth/drawings/sketch.h"
#include "tensor/tensor.h"

namespace easel::synth {

enum class DrawingStyle { kFlat, kInk, kWatercolour, kPixel, kNight, kPastel };
inline constexpr int kDrawingStyles = 6;

// "flat", "ink", "watercolour", "pixel", "night", "pastel".
std::string_view style_name(DrawingStyle style);

// f32 [1,side,side,3] in 0..1. `seed` determines the grain of the paper and the unsteadiness of the lines. side > 0.
Tensor render(const Sketch& sketch, DrawingStyle style, int side, uint64_t seed);

}  // namespace easel::synth
