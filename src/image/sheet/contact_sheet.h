// A sheet of many pictures with labels.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace easel::image {

struct ContactSheet {
  std::vector<Tensor> pictures;  // row by row; f32 [1,H,W,C], 3 channels or 1; undefined: an empty place
  size_t columns = 1;
  std::string title;                       // above everything, or empty
  std::vector<std::string> column_titles;  // one each, or none at all
  std::vector<std::string> row_titles;     // one each, or none at all; to the left
  std::vector<std::string> labels;         // below each picture, or none at all
};

// Draws the sheet, f32 [1,H,W,3] on a light ground. Every place is as large as the largest picture; smaller ones sit in
// the middle of theirs. Titles that are too long end in "...". Throws Error(kInvalid) when the numbers of pictures and
// titles do not fit together, or the sheet would be wider or higher than 32768 pixels.
Tensor draw_contact_sheet(const ContactSheet& sheet);

}  // namespace easel::image
