// Weights by which OpenCV's resize() makes new pixels of old ones along one side.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace easel::image {

// Old places for each new one.
double opencv_scale(int64_t from, int64_t to);

// How much of the old place `from` goes into the new place `to`.
struct AreaShare {
  int64_t to, from;
  float weight;
};

// INTER_AREA for fewer places than before: the shares of each new place, in order.
std::vector<AreaShare> area_shares(int64_t from, int64_t to);

// INTER_CUBIC: what the four old places from `first` on, some of which may lie outside, give to a new one.
struct CubicWeights {
  int64_t first = 0;
  std::array<float, 4> weights{};
};
CubicWeights cubic_weights(int64_t to, double scale);

}  // namespace easel::image
