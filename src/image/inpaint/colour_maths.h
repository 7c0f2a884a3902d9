// Linear maps of colours in f64, for this folder's own use.
#pragma once

#include <array>
#include <cstddef>

namespace easel::image {

using Triple = std::array<double, 3>;
using Matrix = std::array<Triple, 3>;

inline Triple times(const Matrix& m, const Triple& v) {
  Triple out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
  return out;
}

inline Matrix times(const Matrix& a, const Matrix& b) {
  Matrix out{};
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j)
      for (size_t k = 0; k < b.size(); ++k) out[i][j] += a[i][k] * b[k][j];
  return out;
}

}  // namespace easel::image
