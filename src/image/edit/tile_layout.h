// Large pictures worked on in overlapping tiles.
#pragma once

#include <array>
#include <cstdint>

#include "tensor/tensor.h"

namespace easel::image {

struct TileOptions {
  int64_t least_size = 512;  // pixels each way, borders included
  int64_t padding = 32;      // shared by tiles side by side, on each side
  int64_t blending = 8;      // over which one fades into the next, part of the padding
  int64_t multiple = 8;      // of which sizes are
};

// The tiles of pictures of one size. They are counted down the first column, then the next.
class TileLayout {
 public:
  // For pictures like this one, [N,H,W,C]. Throws Error(kInvalid), naming the input, when a size is no multiple or the
  // padding leaves nothing of a tile.
  TileLayout(const Tensor& image, const TileOptions& options);

  int64_t count() const { return axes_[0].count * axes_[1].count; }

  // The part [N,h,w,C] of pictures of the layout's size that a tile is. Fresh memory. Throws Error(kInvalid) for other
  // pictures, and for a tile that there is not.
  Tensor tile(const Tensor& image, int64_t index) const;
  // Which part of a tile is its own, [1,h,w]: without its padding, which with `blend` fades out, else begins where the
  // neighbours' blending ends.
  Tensor mask(int64_t index, bool blend) const;
  // The pictures with a tile laid into them by mask(index, true). Throws as tile() does, and for a tile of another
  // size.
  Tensor merged(const Tensor& image, int64_t index, const Tensor& tile) const;

 private:
  // One of height and width.
  struct Axis {
    int64_t size = 0, count = 1, tile = 0;
  };
  struct Range {
    int64_t begin = 0, end = 0;
  };
  Range range(const Axis& axis, int64_t position, int64_t padding) const;
  std::array<Range, 2> place(int64_t index, int64_t padding) const;
  void require(const Tensor& image, int64_t index) const;

  TileOptions options_;
  std::array<Axis, 2> axes_;
};

}  // namespace easel::image
