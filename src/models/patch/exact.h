// Strengths as text, for keys of patched weights.
#pragma once

#include <cstdio>
#include <string>

namespace easel::models {

// Text that tells all floats apart.
inline std::string exact(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

}  // namespace easel::models
