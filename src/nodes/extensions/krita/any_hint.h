// The preprocessors that AIO_Preprocessor of comfyui_controlnet_aux knows by name.
#pragma once

#include <string>

namespace easel::nodes {

// Throws Error(kUnsupported) at the input "preprocessor", listing those that are here, for any other name but "none".
void check_preprocessor(const std::string& name);

}  // namespace easel::nodes
