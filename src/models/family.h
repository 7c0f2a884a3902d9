// A family of diffusion models, as data that the family owns.
#pragma once

#include <string>
#include <string_view>

#include "models/latent_format.h"

namespace easel::models {

// One static object for each; told apart by address.
struct Family {
  std::string_view id;    // in requirements of workflows that come with the program: "sdxl"
  std::string_view name;  // for people: "SDXL"
  const LatentFormat* latents = nullptr;
};

// "SDXL"; "unknown family" of null.
std::string family_name(const Family* family);

}  // namespace easel::models
