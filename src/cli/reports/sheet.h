// Pictures for contact sheets, and the sheets as files.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/tensor.h"

namespace easel::cli {

// The picture of a file, f32 [1,H,W,3], made smaller so that no side has more than `side` pixels; `enlarge`: one that
// is smaller is made as large. Throws as formats::load_picture().
Tensor picture_on_sheet(const std::string& path, int64_t side, bool enlarge = false);

// Throws Error(kUsage) for what is neither a .png nor a .jpg file.
void check_sheet_name(const std::string& path);
// As the ending says.
void write_sheet(const std::string& path, const Tensor& sheet);

}  // namespace easel::cli
