#include "image/edit/enclosed.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace easel::image {

Tensor fill_enclosed(const Tensor& mask) {
  const int64_t h = mask.dim(1), w = mask.dim(2);
  Tensor out = Tensor::full(mask.shape(), 1.0f);
  std::vector<std::pair<int64_t, int64_t>> edge;
  const auto reach = [&](int64_t y, int64_t x) {
    if (y < 0 || y >= h || x < 0 || x >= w || out.f32()[y * w + x] == 0.0f || mask.f32()[y * w + x] > 0.0f) return;
    out.f32()[y * w + x] = 0.0f;
    edge.emplace_back(y, x);
  };
  for (int64_t x = 0; x < w; ++x) {
    reach(0, x);
    reach(h - 1, x);
  }
  for (int64_t y = 0; y < h; ++y) {
    reach(y, 0);
    reach(y, w - 1);
  }
  constexpr uint32_t kPixels = 1 << 16;  // between two looks at whether the work is to stop
  for (uint32_t seen = 0; !edge.empty(); ++seen) {
    if (seen % kPixels == 0) poll_cancelled();
    const auto [y, x] = edge.back();
    edge.pop_back();
    reach(y - 1, x);
    reach(y + 1, x);
    reach(y, x - 1);
    reach(y, x + 1);
  }
  return out;
}

}  // namespace easel::image
