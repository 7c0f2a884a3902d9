// Keys' cubic convolution (1981) with a = -0.75.
#pragma once

namespace easel::image {

// The weight of a pixel at distance 0 <= x <= 2, each product and sum rounded to f32.
inline float keys_cubic(float x) {
  constexpr float a = -0.75f;
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

}  // namespace easel::image
