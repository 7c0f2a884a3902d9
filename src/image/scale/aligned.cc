#include "image/scale/aligned.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "image/scale/keys_cubic.h"

namespace easel::image {
namespace {

// Four pixels around a place and their weights; bilinear leaves the outer two at 0.
struct Place {
  std::array<int64_t, 4> at;
  std::array<float, 4> weight;
};

std::vector<Place> places(int64_t input, int64_t output, bool bicubic) {
  const float scale = output > 1 ? static_cast<float>(input - 1) / static_cast<float>(output - 1) : 0.0f;
  std::vector<Place> out(static_cast<size_t>(output));
  for (int64_t i = 0; i < output; ++i) {
    const float real = scale * static_cast<float>(i);
    const auto left = static_cast<int64_t>(std::floor(real));
    const float t = real - static_cast<float>(left);
    Place& place = out[static_cast<size_t>(i)];
    for (int64_t k = 0; k < 4; ++k) place.at[static_cast<size_t>(k)] = std::clamp<int64_t>(left + k - 1, 0, input - 1);
    if (bicubic) place.weight = {keys_cubic(1 + t), keys_cubic(t), keys_cubic(1 - t), keys_cubic(2 - t)};
    else place.weight = {0, 1 - t, t, 0};
  }
  return out;
}

}  // namespace

Tensor resize_aligned(const Tensor& image, Size size, bool bicubic) {
  require_image(image, "image");
  require_size(size);
  const Tensor in = contiguous(image);
  const int64_t height = in.dim(1), width = in.dim(2), channels = in.dim(3);
  const std::vector<Place> rows = places(height, size.height, bicubic), columns = places(width, size.width, bicubic);
  Tensor out(Shape{in.dim(0), size.height, size.width, channels});
  const float* from = in.f32();
  float* to = out.f32();
  parallel_for(in.dim(0) * size.height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const Place& row = rows[static_cast<size_t>(line % size.height)];
      const float* picture = from + line / size.height * height * width * channels;
      for (int64_t x = 0; x < size.width; ++x) {
        const Place& column = columns[static_cast<size_t>(x)];
        for (int64_t c = 0; c < channels; ++c) {
          float sum = 0;
          for (size_t j = 0; j < 4; ++j) {
            float across = 0;
            for (size_t i = 0; i < 4; ++i)
              across += column.weight[i] * picture[(row.at[j] * width + column.at[i]) * channels + c];
            sum += row.weight[j] * across;
          }
          to[(line * size.width + x) * channels + c] = sum;
        }
      }
    }
  });
  return out;
}

}  // namespace easel::image
