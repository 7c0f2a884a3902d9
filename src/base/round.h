// Whole numbers brought to multiples.
#pragma once

#include <type_traits>

namespace easel {

// a / b rounded up, for a >= 0 and b > 0.
template <class T>
constexpr T ceil_div(T a, std::type_identity_t<T> b) {
  return (a + b - 1) / b;
}

// The smallest multiple of `step` that is not below n >= 0.
template <class T>
constexpr T round_up(T n, std::type_identity_t<T> step) {
  return ceil_div(n, step) * step;
}

}  // namespace easel
