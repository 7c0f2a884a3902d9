// Workflows with models that were distilled to few steps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/checkpoint/few_steps.h"
#include "workflow/json.h"
#include "workflow/prompt.h"

namespace easel::techniques {

// {"title", "steps", "cfg", "sampler", "scheduler", "sampling", "remark", "told_by"}; "sampling" is the choice of
// ModelSamplingDiscrete, or empty.
workflow::Json to_json(const models::FewSteps& settings);

// Gives each KSampler whose model comes from a checkpoint that has such settings these settings; returns what was done,
// for people: "sd_xl_turbo_1.0.safetensors (Turbo) is drawn with 1 step, ...". `settings` is asked with a checkpoint's
// name. Where a picture is drawn over (denoise below 1), there are as many steps, up to 4, as it takes for the
// first to begin below the highest noise level: 1 step would keep nothing of the picture.
std::vector<std::string> use_few_steps(
    workflow::Prompt& prompt,
    const std::function<std::optional<models::FewSteps>(const std::string& checkpoint)>& settings);

}  // namespace easel::techniques
