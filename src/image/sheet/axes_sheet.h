// A grid of pictures of one size with a label above each column and beside each row, as the XY plots of
// efficiency-nodes-comfyui are laid out.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace easel::image {

struct AxesSheet {
  std::vector<Tensor> pictures;  // row by row; f32 [1,H,W,C] of one size, C 3 or more
  size_t columns = 1;
  std::vector<std::string> column_labels;  // one each, or none at all
  std::vector<std::string> row_labels;     // one each, or none at all; to the left
  int64_t spacing = 0;                     // pixels between pictures
  bool vertical = false;                   // row labels read from below upwards
};

// The size of the sheet for as many pictures of this size; of the pictures themselves nothing is read. Throws
// Error(kInvalid) if it would be wider or higher than 32768 pixels.
struct SheetSize {
  int64_t width = 0, height = 0;
  int64_t left = 0, top = 0;  // where the first picture lies
};
SheetSize axes_sheet_size(const AxesSheet& sheet, int64_t width, int64_t height);

// f32 [1,H,W,3] on white. Labels that are too long for their place are cut, and left out where a letter is too high
// for it. Throws Error(kInvalid) when the numbers of pictures and labels do not fit together, or the sheet would be
// too large.
Tensor draw_axes_sheet(const AxesSheet& sheet);

}  // namespace easel::image
