#include "image/hints/coarse.h"

#include <algorithm>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr int64_t kSquare = 64;

// Where the neighbours of pixel `at` are in a row of `count`, before it and behind it.
struct Neighbors {
  Neighbors(int64_t at, int64_t count)
      : before(at > 0 ? at - 1 : std::min<int64_t>(1, count - 1)), after(std::min(at + 1, count - 1)) {}
  int64_t before, after;
};

}  // namespace

BytePicture doubled(const BytePicture& picture) {
  BytePicture out(2 * picture.height, 2 * picture.width, picture.channels);
  const int64_t row = out.width * out.channels;
  // The rows of the picture, doubled across; their values are 8 times as large.
  ClaimedVector<int32_t> wide(static_cast<size_t>(picture.height * row));
  for (int64_t y = 0; y < picture.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < picture.width; ++x) {
      const Neighbors near(x, picture.width);
      const uint8_t *before = picture.at(y, near.before), *here = picture.at(y, x), *after = picture.at(y, near.after);
      int32_t* to = &wide[static_cast<size_t>(y * row + 2 * x * picture.channels)];
      for (int64_t c = 0; c < picture.channels; ++c) {
        to[c] = before[c] + 6 * here[c] + after[c];
        to[picture.channels + c] = 4 * (here[c] + after[c]);
      }
    }
  }
  const auto byte = [](int32_t sum) { return static_cast<uint8_t>((sum + 32) >> 6); };
  for (int64_t y = 0; y < picture.height; ++y) {
    poll_cancelled();
    const Neighbors near(y, picture.height);
    const int32_t *before = &wide[static_cast<size_t>(near.before * row)], *here = &wide[static_cast<size_t>(y * row)],
                  *after = &wide[static_cast<size_t>(near.after * row)];
    uint8_t *even = out.at(2 * y, 0), *odd = out.at(2 * y + 1, 0);
    for (int64_t i = 0; i < row; ++i) {
      even[i] = byte(before[i] + 6 * here[i] + after[i]);
      odd[i] = byte(4 * (here[i] + after[i]));
    }
  }
  return out;
}

Size tile_size(Size size, int64_t halvings) {
  const auto whole = [&](int64_t side) {
    const int64_t nearest = round_half_even(static_cast<double>(side) / kSquare) * kSquare;
    return nearest >> halvings << halvings;
  };
  const Size out{whole(size.width), whole(size.height)};
  if (out.width < 1 || out.height < 1)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(size.width) + "x" + std::to_string(size.height) +
                                     " pixels is too small to be halved " + std::to_string(halvings) +
                                     " times after its sides were rounded to multiples of 64")
        .fix("Halve it fewer times, or make it larger");
  return out;
}

BytePicture blurred_tile(const BytePicture& picture, int64_t halvings) {
  const Size size = tile_size({picture.width, picture.height}, halvings);
  BytePicture out = resized(picture, {size.width >> halvings, size.height >> halvings}, ByteFilter::kArea);
  for (int64_t i = 0; i < halvings; ++i) out = doubled(out);
  return out;
}

Size colors_size(Size size, int64_t resolution) {
  const auto w = static_cast<double>(size.width), h = static_cast<double>(size.height);
  const auto r = static_cast<double>(resolution);
  return size.height < size.width ? Size{round_half_even(w / h * r), resolution}
                                  : Size{resolution, round_half_even(h / w * r)};
}

BytePicture color_squares(const BytePicture& picture, int64_t resolution) {
  const Size size = colors_size({picture.width, picture.height}, resolution);
  const BytePicture fitted = resized(picture, size, ByteFilter::kArea);
  const BytePicture few = resized(fitted, {size.width / kSquare, size.height / kSquare}, ByteFilter::kCubic);
  return resized(few, size, ByteFilter::kNearest);
}

}  // namespace easel::image
