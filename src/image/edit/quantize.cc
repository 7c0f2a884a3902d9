#include "image/edit/quantize.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/sort.h"
#include "image/scale/pillow.h"
#include "tensor/memory_guard.h"

namespace easel::image {
namespace {

using Rgb = std::array<uint8_t, 3>;

struct Counted {
  Rgb colour;
  int64_t count;
};

// A box of colours that becomes one palette entry, or is split in two. Children are indices, 0 for none.
struct Box {
  std::vector<Counted> colours;
  int64_t pixels = 0;
  size_t left = 0, right = 0;
};

// All colours with their numbers of pixels. Above 65,536 colours the last bits are left off until there are fewer.
std::vector<Counted> count_colours(const std::vector<Rgb>& pixels, int* shift) {
  constexpr size_t kMost = 65536;
  std::vector<uint32_t> keys(pixels.size());
  for (*shift = 0;; ++*shift) {
    poll_cancelled();
    for (size_t i = 0; i < pixels.size(); ++i)
      keys[i] = static_cast<uint32_t>(pixels[i][0] >> *shift) << 16 |
                static_cast<uint32_t>(pixels[i][1] >> *shift) << 8 | static_cast<uint32_t>(pixels[i][2] >> *shift);
    sort_numbers(keys.begin(), keys.end());
    std::vector<Counted> colours;
    for (size_t i = 0; i < keys.size();) {
      const size_t first = i;
      while (i < keys.size() && keys[i] == keys[first]) ++i;
      const uint32_t k = keys[first];
      colours.push_back(
          {{static_cast<uint8_t>(k >> 16), static_cast<uint8_t>(k >> 8 & 255), static_cast<uint8_t>(k & 255)},
           static_cast<int64_t>(i - first)});
    }
    if (colours.size() <= kMost) return colours;
  }
}

// Largest minus smallest value of each channel.
std::array<int, 3> extent(const Box& box) {
  std::array<int, 3> low{255, 255, 255}, high{0, 0, 0};
  for (const Counted& c : box.colours)
    for (size_t k = 0; k < 3; ++k) {
      low[k] = std::min<int>(low[k], c.colour[k]);
      high[k] = std::max<int>(high[k], c.colour[k]);
    }
  return {high[0] - low[0], high[1] - low[1], high[2] - low[2]};
}

bool single_colour(const Box& box) { return extent(box) == std::array<int, 3>{0, 0, 0}; }

// Splits along the channel that spans most brightness, brighter half first, so that the first box just exceeds half of
// the pixels; colours of one value stay together.
std::pair<Box, Box> split(Box box) {
  const std::array<int, 3> span = extent(box);
  const std::array<int, 3> weighted{span[0] * 77, span[1] * 150, span[2] * 29};
  const auto axis = static_cast<size_t>(std::max_element(weighted.begin(), weighted.end()) - weighted.begin());
  std::stable_sort(box.colours.begin(), box.colours.end(),
                   [axis](const Counted& a, const Counted& b) { return a.colour[axis] > b.colour[axis]; });
  size_t cut = 0;
  for (int64_t seen = 0; cut < box.colours.size() && seen * 2 <= box.pixels;) seen += box.colours[cut++].count;
  const auto same = [&](size_t a, size_t b) { return box.colours[a].colour[axis] == box.colours[b].colour[axis]; };
  while (cut < box.colours.size() && same(cut, cut - 1)) ++cut;
  if (cut == box.colours.size())
    while (cut > 0 && same(cut - 1, box.colours.size() - 1)) --cut;
  std::pair<Box, Box> halves;
  const auto middle = box.colours.begin() + static_cast<std::ptrdiff_t>(cut);
  halves.first.colours.assign(box.colours.begin(), middle);
  halves.second.colours.assign(middle, box.colours.end());
  for (Box* half : {&halves.first, &halves.second})
    for (const Counted& c : half->colours) half->pixels += c.count;
  return halves;
}

// The boxes still to be split, those with most pixels on top. Which of two equal ones comes first decides what the
// palette will be, hence no std::priority_queue.
class Heap {
 public:
  explicit Heap(const std::vector<Box>& boxes) : boxes_(boxes), items_(1) {}

  bool empty() const { return items_.size() == 1; }

  void add(size_t box) {
    size_t at = items_.size();
    items_.push_back(box);
    for (; at > 1 && pixels(box) > pixels(items_[at / 2]); at /= 2) items_[at] = items_[at / 2];
    items_[at] = box;
  }

  size_t take() {
    const size_t top = items_[1], last = items_.back();
    items_.pop_back();
    size_t at = 1;
    while (at * 2 < items_.size()) {
      size_t child = at * 2;
      if (child + 1 < items_.size() && pixels(items_[child]) < pixels(items_[child + 1])) ++child;
      if (pixels(last) > pixels(items_[child])) break;
      items_[at] = items_[child];
      at = child;
    }
    if (!empty()) items_[at] = last;
    return top;
  }

 private:
  int64_t pixels(size_t box) const { return boxes_[box].pixels; }

  const std::vector<Box>& boxes_;
  std::vector<size_t> items_;  // from 1 on
};

std::vector<Box> cut_boxes(std::vector<Counted> colours, int64_t wanted) {
  std::vector<Box> boxes(1);
  boxes[0].colours = std::move(colours);
  for (const Counted& c : boxes[0].colours) boxes[0].pixels += c.count;
  Heap heap(boxes);
  heap.add(0);
  for (int64_t n = 1; n < wanted; ++n) {
    size_t next = 0;
    do {
      if (heap.empty()) return boxes;
      next = heap.take();
    } while (single_colour(boxes[next]));
    auto [left, right] = split(std::move(boxes[next]));
    boxes[next].colours.clear();
    boxes[next].left = boxes.size();
    boxes[next].right = boxes.size() + 1;
    boxes.push_back(std::move(left));
    boxes.push_back(std::move(right));
    heap.add(boxes.size() - 2);
    heap.add(boxes.size() - 1);
  }
  return boxes;
}

// The boxes that were not split, left to right.
void collect_leaves(const std::vector<Box>& boxes, size_t at, std::vector<size_t>& out) {
  std::vector<size_t> open{at};
  while (!open.empty()) {
    const size_t box = open.back();
    open.pop_back();
    if (boxes[box].left != 0) open.insert(open.end(), {boxes[box].right, boxes[box].left});
    else if (!boxes[box].colours.empty()) out.push_back(box);
  }
}

std::vector<Rgb> make_palette(const std::vector<Rgb>& pixels, int64_t wanted) {
  int shift = 0;
  const std::vector<Box> boxes = cut_boxes(count_colours(pixels, &shift), wanted);
  std::vector<size_t> leaves;
  collect_leaves(boxes, 0, leaves);
  const auto key = [](Rgb c, int less) {
    return static_cast<uint32_t>(c[0] >> less) << 16 | static_cast<uint32_t>(c[1] >> less) << 8 |
           static_cast<uint32_t>(c[2] >> less);
  };
  std::unordered_map<uint32_t, size_t> entry_of;
  for (size_t i = 0; i < leaves.size(); ++i)
    for (const Counted& c : boxes[leaves[i]].colours) entry_of[key(c.colour, 0)] = i;
  std::vector<std::array<int64_t, 3>> sums(leaves.size());
  std::vector<int64_t> counts(leaves.size());
  constexpr size_t kBetween = 1 << 16;  // pixels
  for (size_t i = 0; i < pixels.size(); ++i) {
    if (i % kBetween == 0) poll_cancelled();
    const size_t entry = entry_of[key(pixels[i], shift)];
    for (size_t k = 0; k < 3; ++k) sums[entry][k] += pixels[i][k];
    ++counts[entry];
  }
  std::vector<Rgb> palette(leaves.size());
  for (size_t i = 0; i < leaves.size(); ++i)
    for (size_t k = 0; k < 3; ++k) palette[i][k] = static_cast<uint8_t>((2 * sums[i][k] + counts[i]) / (2 * counts[i]));
  return palette;
}

// Nearest palette colours, found for colours without their last two bits, as Pillow's cache does.
class NearestColours {
 public:
  explicit NearestColours(const std::vector<Rgb>& palette) : palette_(palette), known_(size_t{1} << 18, -1) {}

  const Rgb& operator()(Rgb c) {
    int16_t& known = known_[static_cast<size_t>(c[0] >> 2) << 12 | static_cast<size_t>(c[1] >> 2) << 6 | c[2] >> 2];
    if (known < 0) known = find(c);
    return palette_[static_cast<size_t>(known)];
  }

 private:
  int16_t find(Rgb c) const {
    int best = std::numeric_limits<int>::max();
    size_t at = 0;
    for (size_t i = 0; i < palette_.size(); ++i) {
      int distance = 0;
      for (size_t k = 0; k < 3; ++k) distance += ((c[k] & ~3) - palette_[i][k]) * ((c[k] & ~3) - palette_[i][k]);
      if (distance < best) {
        best = distance;
        at = i;
      }
    }
    return static_cast<int16_t>(at);
  }

  const std::vector<Rgb>& palette_;
  std::vector<int16_t> known_;
};

// Errors of a row go on with 7/16 to the right and 3, 5, 1 sixteenths below. At the end of a row Pillow leaves blue's
// sums for all three channels; so do we.
void diffuse(std::vector<Rgb>& pixels, size_t width, NearestColours& nearest) {
  std::vector<std::array<int, 3>> below(width + 1);
  for (size_t row = 0; row < pixels.size(); row += width) {
    poll_cancelled();
    std::array<int, 3> error{}, five{}, one{};  // of the pixel before; sums waiting for the place below it
    for (size_t x = 0; x < width; ++x) {
      Rgb wanted;
      for (size_t k = 0; k < 3; ++k)
        wanted[k] =
            static_cast<uint8_t>(std::clamp(pixels[row + x][k] + (7 * error[k] + below[x + 1][k]) / 16, 0, 255));
      pixels[row + x] = nearest(wanted);
      for (size_t k = 0; k < 3; ++k) {
        error[k] = wanted[k] - pixels[row + x][k];
        below[x][k] = 3 * error[k] + five[k];
        five[k] = 5 * error[k] + one[k];
        one[k] = error[k];
      }
    }
    below[width] = {five[2], one[2], error[2]};
  }
}

// The ordered pattern of 2^steps by 2^steps thresholds around 0.
float bayer(size_t x, size_t y, int steps) {
  float value = 0;
  for (int level = steps; level-- > 0;) {
    const size_t bit = size_t{1} << level, cell = ((y & bit) != 0 ? 2u : 0u) + ((x & bit) != 0 ? 1u : 0u);
    constexpr float kCells[4] = {-1.5f, 0.5f, 1.5f, -0.5f};
    value += kCells[cell] / static_cast<float>(1u << (2 * (level + 1)));
  }
  return value;
}

void add_pattern(std::vector<Rgb>& pixels, size_t width, int steps, size_t colours) {
  const float spread = 2.0f * 256.0f / static_cast<float>(colours);
  for (size_t i = 0; i < pixels.size(); ++i) {
    if (i % width == 0) poll_cancelled();
    const float threshold = spread * bayer(i % width, i / width, steps) + 0.5f;
    for (uint8_t& v : pixels[i]) v = static_cast<uint8_t>(std::clamp(static_cast<float>(v) + threshold, 0.0f, 255.0f));
  }
}

void quantize_one(std::vector<Rgb>& pixels, size_t width, int64_t colours, Dither dithering) {
  std::vector<Rgb> palette = make_palette(pixels, colours);
  palette.resize(256);  // Pillow's unused entries are black, and its search for the nearest colour includes them
  NearestColours nearest(palette);
  if (dithering == Dither::kFloydSteinberg) return diffuse(pixels, width, nearest);
  if (dithering != Dither::kNone)
    add_pattern(pixels, width, 1 + static_cast<int>(dithering) - static_cast<int>(Dither::kBayer2), palette.size());
  for (size_t i = 0; i < pixels.size(); ++i) {
    if (i % width == 0) poll_cancelled();
    pixels[i] = nearest(pixels[i]);
  }
}

}  // namespace

Dither dither(std::string_view name) {
  constexpr std::pair<std::string_view, Dither> kNames[] = {
      {"none", Dither::kNone},      {"floyd-steinberg", Dither::kFloydSteinberg},
      {"bayer-2", Dither::kBayer2}, {"bayer-4", Dither::kBayer4},
      {"bayer-8", Dither::kBayer8}, {"bayer-16", Dither::kBayer16}};
  for (const auto& [known, value] : kNames)
    if (known == name) return value;
  throw Error(Fault::kInvalid, "unknown dither: \"" + std::string(name) + "\"")
      .fix("Use none, floyd-steinberg, bayer-2, bayer-4, bayer-8 or bayer-16");
}

Tensor quantize(const Tensor& image, int64_t colours, Dither dithering) {
  require_image(image, "the picture to be reduced to few colours");
  if (image.dim(3) != 3 || colours < 1 || colours > 256)
    throw Error(Fault::kInvalid, "cannot reduce " + image.str() + " to " + std::to_string(colours) + " colours")
        .fix("Use a picture in colour and from 1 to 256 colours");
  const Tensor in = contiguous(image);
  Tensor out(image.shape());
  const auto count = static_cast<size_t>(image.dim(1) * image.dim(2));
  const MemoryClaim claim(count * (sizeof(Rgb) + sizeof(uint32_t)));  // of one picture: its pixels, sorted keys of them
  for (int64_t n = 0; n < image.dim(0); ++n) {
    const float* from = in.f32() + n * static_cast<int64_t>(count) * 3;
    std::vector<Rgb> pixels(count);
    for (size_t i = 0; i < 3 * count; ++i) pixels[i / 3][i % 3] = wrapped_byte(from[i]);
    quantize_one(pixels, static_cast<size_t>(image.dim(2)), colours, dithering);
    float* to = out.f32() + n * static_cast<int64_t>(count) * 3;
    for (size_t i = 0; i < 3 * count; ++i) to[i] = static_cast<float>(pixels[i / 3][i % 3]) / 255.0f;
  }
  return out;
}

}  // namespace easel::image
