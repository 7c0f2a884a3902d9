#include "models/handles.h"

namespace easel::models {

const char* family_name(Family family) {
  switch (family) {
    case Family::kSD1: return "SD 1.x";
    case Family::kSD2: return "SD 2.x";
    case Family::kSD2UnclipL: return "SD 2.1 unCLIP-L";
    case Family::kSD2UnclipH: return "SD 2.1 unCLIP-H";
    case Family::kSDXL: return "SDXL";
    case Family::kSDXLRefiner: return "SDXL refiner";
    case Family::kUnknown: return "unknown family";
  }
  return "unknown family";
}

}  // namespace easel::models
