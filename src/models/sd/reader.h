// Opens files of Stable Diffusion's family.
#pragma once

#include "models/model_reader.h"

namespace easel::models::sd {

extern const ModelReader kReader;

}  // namespace easel::models::sd
