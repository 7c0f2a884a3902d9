// Models made of two models' weights.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

// own * the first model's weight + other * the second one's.
struct MergeRatio {
  float own = 0, other = 1;
};

// The ratios of a UNet's weights: a weight has the ratio of the longest prefix that its name begins with, or
// `otherwise`.
struct MergeRatios {
  MergeRatio otherwise;
  std::vector<std::pair<std::string, MergeRatio>> by_prefix;  // "input_blocks.3.", "middle", ...
};

// A model like `first` with the weights of both mixed, the patches of both included; weights that only one of them has
// are not changed. Nothing is read until the model is used. Throws Error(kMismatch) naming both files if their UNets
// are of different kinds.
ModelHandle merge_models(const ModelHandle& first, const ModelHandle& second, const MergeRatios& ratios);

// The same for text encoders. Throws Error(kMismatch) if they do not have the same towers.
ClipHandle merge_clips(const ClipHandle& first, const ClipHandle& second, MergeRatio ratio,
                       memory::Residency& residency);

}  // namespace easel::models
