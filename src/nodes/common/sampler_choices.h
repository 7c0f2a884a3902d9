// Samplers and schedulers as the choices of an input, in the order of ComfyUI's menus.
#pragma once

#include <string>
#include <vector>

#include "sampling/sampler.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {

inline std::vector<std::string> sampler_choices() {
  std::vector<std::string> names;
  for (const auto& sampler : sampling::samplers()) names.emplace_back(sampler.name);
  return names;
}

inline std::vector<std::string> scheduler_choices() {
  const auto names = sampling::scheduler_names();
  return {names.begin(), names.end()};
}

}  // namespace easel::nodes
