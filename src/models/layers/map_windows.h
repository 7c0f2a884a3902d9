// Maps cut into windows whose pixels attend to one another (Liu et al. 2021, "Swin Transformer").
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::models::layers {

// [N,H,W,C], sides multiples of the window's -> [N windows,height width,C], windows row by row; and back.
Tensor cut_into_windows(const Tensor& map, int64_t height, int64_t width);
Tensor joined_windows(const Tensor& windows, int64_t height, int64_t width, int64_t map_height, int64_t map_width);

// A map whose pixel (y, x) is that at (y + down, x + right), round its ends: torch.roll by the negative ways.
Tensor rolled(const Tensor& map, int64_t down, int64_t right);

// A map that was rolled by (down, right), and cut into windows. A side that was not rolled has one part.
struct RolledWindows {
  int64_t map_height = 0, map_width = 0, height = 0, width = 0, down = 0, right = 0;
  int64_t count() const { return map_height / height * (map_width / width); }
};
// What is added to the scores within `count` windows from `first` on: 0 between pixels of one part, -100 between those
// that were at different ends. [count,height width,height width] f32 on the host.
Tensor scores_between_parts(const RolledWindows& windows, int64_t first, int64_t count);
// Whether any of these windows has more than one part.
bool have_parts(const RolledWindows& windows, int64_t first, int64_t count);

// Attention within windows, a few of them at a time. q [windows,T,C], k and v [windows,S,C], any strides with dense
// channels; `relative` [heads,T,S] is added to the scores of all windows (undefined: nothing), and what lies between
// parts to those of rolled ones. -> [windows,T,C]
Tensor attention_in_windows(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const Tensor& relative,
                            const RolledWindows* rolled = nullptr);

// From a table with a row for each way between two pixels of a window, [(2 height - 1)(2 width - 1),heads] f32 on the
// host, row by row from (1 - height, 1 - width) on: [heads,pixels,pixels], of the ways from the second to the first.
Tensor relative_scores(const Tensor& table, int64_t height, int64_t width);

}  // namespace easel::models::layers
