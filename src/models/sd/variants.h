// The members of Stable Diffusion's family: what they have in common with each other is the UNet.
#pragma once

#include <string_view>

#include "models/family.h"

namespace easel::models::sd {

// What the vector beside the text is made of.
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

extern const Variant kSd1, kSd2, kUnclipL, kUnclipH, kSdxl, kRefiner;

// SDXL and its refiner, whose ControlNets and adapters go with no other.
bool is_xl(const Family* family);

}  // namespace easel::models::sd
