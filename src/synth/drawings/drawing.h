// An endless series of drawings with exact captions, on which the small models that come with the program are trained.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::synth {

struct Drawing {
  Tensor rgb;           // f32 [1,side,side,3] in 0..1
  std::string caption;  // names only what can be seen, but not everything that can be
  // The content in single words, for judging what a model has learnt.
  std::string_view style;  // flat, ink, watercolour, pixel, night, pastel
  std::string subject;     // one of drawing_subjects()
  std::string colour;      // of its largest part
  std::string place;       // "sea", "table", ...
  std::string hour;        // day, sunset, dusk, night
  std::string weather;     // clear, clouds, rain, snow, fog; empty inside
};

std::span<const std::string_view> drawing_subjects();

// The drawing with this number; any number is valid. The same seed and number give the same drawing. Throws
// Error(kInvalid) for a side outside 16..1024.
Drawing draw(uint64_t seed, uint64_t number, int side);

}  // namespace easel::synth
