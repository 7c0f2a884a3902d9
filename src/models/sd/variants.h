// The members of Stable Diffusion's family. What they have in common is the UNet.
#pragma once

#include <string_view>

#include "models/family.h"

namespace easel::models::sd {

// The content of the vector that a model takes beside the text.
enum class Vector {
  kNone,
  kImage,          // embeds of a picture with noise, and how much noise
  kSizes,          // pooled text and six sizes (Podell et al. 2023, sec. 2.2)
  kSizesAndScore,  // pooled text, four sizes and an aesthetic score
};

struct Variant {
  Family family;
  Vector vector = Vector::kNone;
  std::string_view text_encoders;
  std::string_view image_encoder = {};  // ConditioningTaken
};

extern const Variant kSd1, kSd2, kUnclipL, kUnclipH, kSdxl, kPlayground, kRefiner;

// Whether it is SDXL, Playground 2.5 (SDXL trained anew) or the refiner, whose ControlNets and adapters fit no other
// model.
bool is_xl(const Family* family);

}  // namespace easel::models::sd
