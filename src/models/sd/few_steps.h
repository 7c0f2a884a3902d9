// Models and LoRAs distilled to few steps: which a file is, and the settings that its makers publish for it.
#pragma once

#include <optional>
#include <string_view>

#include "formats/tensors/model_file.h"
#include "models/checkpoint/few_steps.h"
#include "models/family.h"

namespace easel::models::sd {

struct FewStepsQuery {
  std::string_view name;  // of the file, or a title from its metadata
  bool lora = false;      // else a checkpoint or a UNet
  const Family* family = nullptr;
};
// By the words of a name as people have them: "sdxl_lightning_4step_lora", "DreamShaperXL_Turbo_v2_1". Words are what
// stands between other characters than letters and digits, and between a small letter and a capital one. Words that
// have another meaning ("lightning", "turbo", "hyper") count in LoRAs only beside the model's or the number of steps.
std::optional<FewSteps> few_steps_named(const FewStepsQuery& query);

// Of a file: by its name (its folder's where it has the diffusers library's, which is the same for all), else by the
// title in its metadata, else by its tensors, which tell only that a network was distilled with guidance as an input.
std::optional<FewSteps> few_steps_of(const formats::ModelFile& file, bool lora, const Family* family);

}  // namespace easel::models::sd
