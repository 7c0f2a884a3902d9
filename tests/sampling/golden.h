// Reading the reference values that concern sampling.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "sampling/schedule/discrete_sampling.h"
#include "support/golden.h"
#include "support/paths.h"

namespace easel::testing {

inline nlohmann::json golden_units() {
  std::ifstream in(shared_dir() / "goldens" / "tiny" / "units.json");
  return nlohmann::json::parse(in);
}

// What Stable Diffusion was trained on, which all references are of.
inline constexpr sampling::RootLinearBetas kPublishedBetas{.timesteps = 1000, .first = 0.00085, .last = 0.012};

// A file beside the tests, by its path from tests/.
inline nlohmann::json reference_beside(const std::string& name) {
  std::ifstream in(std::string(kSourceDir) + "/tests/" + name);
  return nlohmann::json::parse(in);
}

// Latents are [N,h,w,C] here and [N,C,h,w] in the reference.
inline Tensor channels_first(const Tensor& t) { return contiguous(t.permute({0, 3, 1, 2})); }
inline Tensor channels_last(const Tensor& t) { return contiguous(t.permute({0, 2, 3, 1})); }

}  // namespace easel::testing
