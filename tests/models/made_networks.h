// Networks of made-up values, which scripts under values/ make as well, and what is said of damaged ones.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "base/error.h"
#include "nn/weights.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "synth/models/manifest.h"

namespace easel::models {

// Made-up values for all tensors of a file, with phases that count up.
inline StoredTensors made(const synth::Manifest& manifest, double gain) {
  StoredTensors out;
  double phase = 0;
  for (const auto& [name, shape] : manifest) {
    const Tensor values = sines(shape, phase++);
    const bool weight = name.ends_with("weight");
    if (shape.rank() == 1 && (weight || name.ends_with("running_var"))) {
      out.set(name, ops::affine(values, 0.1f, 1.0f));
    } else if (shape.rank() == 1) {
      out.set(name, ops::affine(values, name.ends_with("gamma") ? 0.3f : 0.1f));
    } else {
      const auto inputs = static_cast<double>(shape.numel() / shape[0]);
      out.set(name, ops::affine(values, static_cast<float>(gain / std::sqrt(inputs))));
    }
  }
  return out;
}

inline nn::Weights weights(const StoredTensors& file) {
  return nn::Weights(std::make_shared<const StoredTensors>(file), DType::kF32, "made");
}

inline StoredTensors without(const StoredTensors& file, const std::string& left_out) {
  StoredTensors out;
  for (const auto& [name, tensor] : file)
    if (name != left_out) out.set(name, tensor);
  return out;
}

inline StoredTensors with(StoredTensors file, const std::string& name, const Shape& shape) {
  file.set(name, Tensor::zeros(shape));
  return file;
}

template <class F>
std::string refusal(const F& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_NE(e.fault(), Fault::kInternal) << e.message();
    return e.message();
  }
  return "nothing was refused";
}

}  // namespace easel::models
