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

}  // namespace easel::image
