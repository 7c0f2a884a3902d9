#include <algorithm>
#include <utility>

#include "image/pose/people.h"
#include "image/pose/score_maps.h"

namespace easel::image {
namespace {

// Connected places, corners included, numbered from 1 in the order of their first ones; 0 elsewhere.
std::pair<std::vector<int>, int> labelled(const std::vector<bool>& on, int64_t height, int64_t width) {
  std::vector<int> labels(on.size(), 0);
  std::vector<int64_t> open;
  int count = 0;
  for (int64_t first = 0; first < height * width; ++first) {
    if (!on[static_cast<size_t>(first)] || labels[static_cast<size_t>(first)] != 0) continue;
    labels[static_cast<size_t>(first)] = ++count;
    open.push_back(first);
    while (!open.empty()) {
      const int64_t y = open.back() / width, x = open.back() % width;
      open.pop_back();
      for (int64_t r = std::max<int64_t>(0, y - 1); r <= std::min(height - 1, y + 1); ++r)
        for (int64_t k = std::max<int64_t>(0, x - 1); k <= std::min(width - 1, x + 1); ++k)
          if (const auto i = static_cast<size_t>(r * width + k); on[i] && labels[i] == 0) {
            labels[i] = count;
            open.push_back(r * width + k);
          }
    }
  }
  return {std::move(labels), count};
}

}  // namespace

std::vector<std::array<int64_t, 2>> hand_peaks(const Tensor& heat, int64_t height, int64_t width) {
  constexpr double kLeast = 0.05;
  const int64_t rows = heat.dim(0), columns = heat.dim(1), channels = heat.dim(2);
  std::vector<std::array<int64_t, 2>> out;
  for (int64_t part = 0; part < static_cast<int64_t>(kHandParts); ++part) {
    const ClaimedVector<double> smooth = smoothed_channel(heat, part);
    std::vector<bool> on(smooth.size());
    std::transform(smooth.begin(), smooth.end(), on.begin(), [](double v) { return v > kLeast; });
    const auto [labels, count] = labelled(on, rows, columns);
    if (count == 0) {
      out.push_back({0, 0});
      continue;
    }
    const auto value = [&](size_t i) {
      return static_cast<double>(heat.f32()[static_cast<int64_t>(i) * channels + part]);
    };
    std::vector<double> sums(static_cast<size_t>(count), 0.0);
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] > 0) sums[static_cast<size_t>(labels[i] - 1)] += value(i);
    const auto best = static_cast<int>(std::max_element(sums.begin(), sums.end()) - sums.begin()) + 1;
    size_t peak = 0;
    const auto in_best = [&](size_t i) { return labels[i] == best ? value(i) : 0.0; };
    for (size_t i = 1; i < labels.size(); ++i)
      if (in_best(i) > in_best(peak)) peak = i;
    const auto scaled = [](size_t at, int64_t from, int64_t to) {
      return static_cast<int64_t>(static_cast<double>(at) * static_cast<double>(to) / static_cast<double>(from));
    };
    out.push_back({scaled(peak % static_cast<size_t>(columns), columns, width),
                   scaled(peak / static_cast<size_t>(columns), rows, height)});
  }
  return out;
}

}  // namespace easel::image
