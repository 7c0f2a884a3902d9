// Why there is no graphics card to compute on, in words that say what to do.
#pragma once

#include <filesystem>
#include <vector>

#include "ops/devices.h"
#include "ops/vulkan/device/gpu.h"

namespace easel::ops::vulkan {

// `missing` and `advice` as Api has them, `found` what Vulkan lists, `dev` where the system shows its devices. Empty if
// one of those found is a card that can be used.
NoCard no_card_among(const std::string& missing, const std::string& advice, const std::vector<GpuDescription>& found,
                     const std::filesystem::path& dev = "/dev");

}  // namespace easel::ops::vulkan
