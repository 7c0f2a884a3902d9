// Models made of two models' weights.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

// The merged weight is own * a model's own weight + other * the other model's.
struct MergeRatio {
  float own = 0, other = 1;
};

// The ratios of a UNet's weights: a weight has the ratio of the longest prefix that its name begins with, or
// `otherwise`.
struct MergeRatios {
  MergeRatio otherwise;
  std::vector<std::pair<std::string, MergeRatio>> by_prefix;  // "input_blocks.3.", "middle", ...
};

// A model like `own` with the weights of both mixed, the patches of both included. A weight that `other` lacks is not
// changed. Nothing is read until the model is used. Throws Error(kMismatch) that names both files if the sizes of their
// UNets differ.
ModelHandle merge_models(const ModelHandle& own, const ModelHandle& other, const MergeRatios& ratios);

// The same for text encoders. Throws Error(kMismatch) if they do not have the same towers.
ClipHandle merge_clips(const ClipHandle& own, const ClipHandle& other, MergeRatio ratio, memory::Residency& residency);

}  // namespace easel::models
