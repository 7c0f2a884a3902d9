// What the nodes of Comfyroll Studio (github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes) share.
#pragma once

#include <string>
#include <utility>

#include "image/scale/resize.h"

namespace easel::nodes {

// Every node also returns the address of a page about it, as `show_help`.
inline std::string help(const char* page) {
  return std::string("https://github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes/wiki/") + page;
}

// The size at the end of a choice such as "1:1 square 512x512"; "custom" stands for the size of the inputs.
inline image::Size chosen_size(const std::string& aspect_ratio, image::Size custom, bool swapped) {
  auto [width, height] = custom;
  const size_t blank = aspect_ratio.rfind(' ');
  if (blank != std::string::npos) {
    const std::string size = aspect_ratio.substr(blank + 1);
    width = std::stoll(size);
    height = std::stoll(size.substr(size.find('x') + 1));
  }
  if (swapped) std::swap(width, height);
  return {width, height};
}

}  // namespace easel::nodes
