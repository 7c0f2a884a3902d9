// Models and LoRAs distilled to few steps, whatever their family.
#pragma once

#include <optional>
#include <string>

#include "formats/tensors/model_file.h"
#include "models/family.h"

namespace easel::models {

// What a KSampler is to be given for such a file.
struct FewSteps {
  std::string title;  // "Lightning, 4 steps"
  int steps = 0;
  double cfg = 1;
  std::string sampler, scheduler;
  std::string prediction;  // to set by ModelSamplingDiscrete: "lcm", "x0"; empty: as the model is
  std::string remark;      // what these settings cannot do that the makers' own programs do; may be empty
  std::string told_by;     // "name", "metadata" or "tensors"
};

// Of a checkpoint, a UNet or a LoRA, from what its family knows of such files (sd/few_steps.h). `family` is null where
// it is not known.
std::optional<FewSteps> few_steps_of(const formats::ModelFile& file, bool lora, const Family* family);

// "4 steps, cfg 1, euler, sgm_uniform", and "sampling lcm" where that is to be set.
std::string in_words(const FewSteps& settings);

}  // namespace easel::models
