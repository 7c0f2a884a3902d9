// Networks that draw the lines and edges of pictures, and one that sees their surfaces.
#pragma once

#include "synth/models/manifest.h"

namespace easel::synth {

// sk_model.pth, of so many channels in its first layer and so many residual blocks.
Manifest drawn_lines(int64_t channels, int64_t blocks);
// netG.pth, of so many levels, each of which halves the picture.
Manifest anime_lines(int64_t channels, int64_t levels);
// table5_pidinet.pth; `narrow` is the width of what says of edges.
Manifest difference_edges(int64_t channels, int64_t narrow);
// 7_model.pth, MTEED.pth.
Manifest tiny_edges();
// mlsd_large_512_fp32.pth, its widths by `part` of theirs.
Manifest straight_lines(int64_t part);

struct NormalPlan {
  int64_t stem = 48, head = 2048, joined = 1024, points = 128;
  std::array<int64_t, 7> widths{24, 40, 64, 128, 176, 304, 512}, blocks{3, 5, 5, 7, 7, 9, 3};
};
// scannet.pt, without what is before its names.
Manifest normals(const NormalPlan& plan);

}  // namespace easel::synth
