// What the tests of the models share.
#pragma once

#include <string>
#include <vector>

#include "formats/model_file.h"
#include "nn/weights.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::models {

using testing::tiny_models_dir;

inline nn::Weights tiny_weights(const std::string& file, DType compute, nn::Weights::Patch patch = {}) {
  const auto path = tiny_models_dir() / file;
  const auto tensors = formats::open_model_file(path).tensors;
  return nn::Weights(tensors, compute, path.filename().string(), std::move(patch));
}

// [N,C,H,W] -> [N,H,W,C].
inline Tensor to_channels_last(const Tensor& t) { return contiguous(t.permute({0, 2, 3, 1})); }

inline std::vector<float> to_vector(const Tensor& t) {
  const Tensor f = convert(t, DType::kF32);
  return {f.values().begin(), f.values().end()};
}

}  // namespace easel::models
