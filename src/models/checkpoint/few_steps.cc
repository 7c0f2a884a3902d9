#include "models/checkpoint/few_steps.h"

#include <array>
#include <cstdio>

#include "models/sd/few_steps.h"

namespace easel::models {

// All families that there are files of such a kind for are Stable Diffusion's.
std::optional<FewSteps> few_steps_of(const formats::ModelFile& file, bool lora, const Family* family) {
  return sd::few_steps_of(file, lora, family);
}

std::string in_words(const FewSteps& settings) {
  std::array<char, 32> cfg{};
  std::snprintf(cfg.data(), cfg.size(), "%g", settings.cfg);
  std::string out = std::to_string(settings.steps) + (settings.steps == 1 ? " step" : " steps") + ", cfg " +
                    cfg.data() + ", " + settings.sampler + ", " + settings.scheduler;
  if (!settings.prediction.empty()) out += ", sampling " + settings.prediction;
  return out;
}

}  // namespace easel::models
