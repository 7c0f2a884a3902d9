// The small models that come with the program: where they lie, and the size of their pictures.
#pragma once

#include <cstdint>
#include <filesystem>

namespace easel::library {

// A folder in ComfyUI's layout, as it is after links: ../share/easel/models beside the program's own folder, or what
// the environment names in EASEL_BUILT_IN_MODELS. Empty when there is none, or that variable is empty.
std::filesystem::path built_in_models();

// Pixels of a side of the squares that these models were trained on.
inline constexpr int64_t kBuiltInSide = 128;

}  // namespace easel::library
