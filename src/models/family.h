// A family of diffusion models, as data that the family owns.
#pragma once

#include <string>
#include <string_view>

#include "models/latent_format.h"

namespace easel::models {

// There is one static object for each family; they are compared by address.
struct Family {
  std::string_view id;    // "sdxl", in the requirements of the workflows that come with the program
  std::string_view name;  // for people: "SDXL"
  const LatentFormat* latents = nullptr;
  // The network that adapters and ControlNets for it were trained with, as the tooling nodes' clients call that:
  // "sdxl"; empty if they have no word for it.
  std::string_view base_model = {};
};

// "SDXL"; "unknown family" for null.
std::string family_name(const Family* family);

}  // namespace easel::models
