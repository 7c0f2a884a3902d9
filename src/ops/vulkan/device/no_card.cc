#include "ops/vulkan/device/no_card.h"

#include <unistd.h>

#include <algorithm>

namespace easel::ops::vulkan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInstall =
    "Install the card's driver for Vulkan: mesa-vulkan-drivers on Debian and Ubuntu for AMD's and Intel's, NVIDIA's "
    "own for "
    "theirs";

// The files by which the kernel's drivers offer cards: of Direct Rendering, of NVIDIA's, and of Windows to its Linux.
std::vector<fs::path> nodes(const fs::path& dev) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(dev / "dri", failed))
    if (entry.path().filename().string().starts_with("renderD")) out.push_back(entry.path());
  for (const char* name : {"nvidiactl", "dxg"})
    if (fs::exists(dev / name, failed)) out.push_back(dev / name);
  std::sort(out.begin(), out.end());
  return out;
}

// What Vulkan says, and what the system shows beside it.
NoCard with_nodes(std::string why, const fs::path& dev) {
  const std::vector<fs::path> all = nodes(dev);
  if (all.empty())
    return {why + ", and the system shows none in " + dev.string(),
            "Where there is one, install its driver; a container is given it with --device /dev/dri or --gpus all"};
  const auto closed =
      std::find_if(all.begin(), all.end(), [](const fs::path& p) { return access(p.c_str(), R_OK | W_OK) != 0; });
  if (closed == all.end()) return {why + ", though the system shows one (" + all.front().string() + ")", kInstall};
  return {why + ", and this user may not open " + closed->string(),
          "Add the user to the group of that file (often render or video) and log in again"};
}

}  // namespace

NoCard no_card_among(const std::string& missing, const std::string& advice, const std::vector<GpuDescription>& found,
                     const fs::path& dev) {
  const auto is_card = [](const GpuDescription& gpu) { return gpu.type != VK_PHYSICAL_DEVICE_TYPE_CPU; };
  if (std::any_of(found.begin(), found.end(), [&](auto& gpu) { return is_card(gpu) && gpu.lacks.empty(); })) return {};
  if (!missing.empty()) return {missing, advice.empty() ? kInstall : advice};
  std::string lacking;
  for (const GpuDescription& gpu : found)
    if (is_card(gpu)) lacking += (lacking.empty() ? "" : "; ") + gpu.name + " lacks " + gpu.lacks;
  if (!lacking.empty()) return {lacking, "Update the card's driver; where that does not help, the card is too old"};
  if (found.empty()) return with_nodes("Vulkan's drivers found no card", dev);
  return with_nodes("Vulkan has only a driver for tests, which computes on the processor", dev);
}

}  // namespace easel::ops::vulkan
