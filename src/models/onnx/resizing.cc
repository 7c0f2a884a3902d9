// Maps of another size.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "models/onnx/windows.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::onnx {
namespace {

enum class Places { kHalfPixel, kTorchHalfPixel, kAlignCorners, kAsymmetric };
enum class Nearest { kPreferFloor, kPreferCeil, kFloor, kCeil };

struct Resizing {
  bool linear = false;
  Places places = Places::kAsymmetric;
  Nearest nearest = Nearest::kFloor;
};

double old_place(const Resizing& r, int64_t i, int64_t from, int64_t to, double scale) {
  const auto at = static_cast<double>(i);
  switch (r.places) {
    case Places::kHalfPixel: return (at + 0.5) / scale - 0.5;
    case Places::kTorchHalfPixel: return to > 1 ? (at + 0.5) / scale - 0.5 : 0.0;
    case Places::kAlignCorners: return to > 1 ? at * static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0.0;
    case Places::kAsymmetric: return at / scale;
  }
  return 0;
}

double nearest_place(Nearest nearest, double at) {
  switch (nearest) {
    case Nearest::kPreferFloor: return std::ceil(at - 0.5);
    case Nearest::kPreferCeil: return std::floor(at + 0.5);
    case Nearest::kFloor: return std::floor(at);
    case Nearest::kCeil: return std::ceil(at);
  }
  return 0;
}

ops::Taps taps(const Resizing& r, int64_t from, int64_t to, double scale) {
  const auto inside = [&](double at) {
    return static_cast<int64_t>(std::clamp(at, 0.0, static_cast<double>(from - 1)));
  };
  ops::Taps out;
  out.count = r.linear ? 2 : 1;
  for (int64_t i = 0; i < to; ++i) {
    const double at = old_place(r, i, from, to, scale);
    if (!r.linear) {
      out.index.push_back(inside(nearest_place(r.nearest, at)));
      continue;
    }
    const double floor = std::floor(at);
    out.index.push_back(inside(floor));
    out.index.push_back(inside(floor + 1));
    out.weight.push_back(static_cast<float>(1.0 - (at - floor)));
    out.weight.push_back(static_cast<float>(at - floor));
  }
  return out;
}

struct NewSize {
  Sides size{};
  std::array<double, 2> scale{};
};

NewSize by_scales(const Shape& map, const std::vector<float>& scales) {
  if (scales.size() != 4 || scales[0] != 1.0f || scales[1] != 1.0f)
    throw Error(Fault::kUnsupported, "resizing of other dimensions than height and width");
  NewSize out;
  for (size_t d = 0; d < out.size.size(); ++d) {
    const auto scale = static_cast<double>(scales[d + 2]);
    if (!(scale > 0) || scale > 1024) throw Error(Fault::kBadFile, "a scale of " + std::to_string(scale));
    out.scale[d] = scale;
    out.size[d] = static_cast<int64_t>(std::floor(static_cast<double>(map[static_cast<int>(d) + 2]) * scale));
  }
  return out;
}

NewSize by_sizes(const Shape& map, const std::vector<int64_t>& sizes) {
  if (sizes.size() != 4 || sizes[0] != map[0] || sizes[1] != map[1])
    throw Error(Fault::kUnsupported, "resizing of other dimensions than height and width");
  NewSize out;
  for (size_t d = 0; d < out.size.size(); ++d) {
    out.size[d] = sizes[d + 2];
    out.scale[d] = static_cast<double>(out.size[d]) / static_cast<double>(map[static_cast<int>(d) + 2]);
  }
  return out;
}

Tensor resized(const Resizing& how, const Tensor& x, const NewSize& to) {
  const Tensor map = channels_last(x);
  checked_size({map.dim(0), to.size[0], to.size[1], map.dim(3)});
  if (to.size[0] < 1 || to.size[1] < 1 || map.numel() == 0) throw Error(Fault::kBadFile, "a map without pixels");
  return channels_first(ops::resample(contiguous(map), taps(how, map.dim(1), to.size[0], to.scale[0]),
                                      taps(how, map.dim(2), to.size[1], to.scale[1])));
}

bool read_linear(Node& node) {
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "bilinear") node.refuse("its mode is '" + mode + "'");
  return mode != "nearest";
}

}  // namespace

Run upsample(Node& node) {
  Resizing how;
  how.linear = read_linear(node);
  constexpr int64_t kByInput = 9;
  std::vector<float> scales;
  if (node.opset() < kByInput) {
    const formats::OnnxAttribute* given = node.raw("scales");
    if (!given || given->kind != formats::OnnxAttribute::Kind::kNumbers) node.refuse("it has no scales");
    scales = given->numbers;
  }
  return [=](const Inputs& in) -> Outputs {
    const Tensor& x = map_of(in);
    return {resized(how, x, by_scales(x.shape(), scales.empty() ? ops::read(in.floats(1)) : scales))};
  };
}

Run resize(Node& node) {
  Resizing how;
  how.linear = read_linear(node);
  constexpr int64_t kBySizes = 11;
  const bool sizes_known = node.opset() >= kBySizes;
  if (sizes_known) {
    const std::string places = node.text("coordinate_transformation_mode", "half_pixel"),
                      nearest = node.text("nearest_mode", "round_prefer_floor");
    if (places == "half_pixel") how.places = Places::kHalfPixel;
    else if (places == "pytorch_half_pixel") how.places = Places::kTorchHalfPixel;
    else if (places == "align_corners") how.places = Places::kAlignCorners;
    else if (places == "asymmetric") how.places = Places::kAsymmetric;
    else node.refuse("its places are '" + places + "'");
    if (nearest == "round_prefer_floor") how.nearest = Nearest::kPreferFloor;
    else if (nearest == "round_prefer_ceil") how.nearest = Nearest::kPreferCeil;
    else if (nearest == "floor") how.nearest = Nearest::kFloor;
    else if (nearest == "ceil") how.nearest = Nearest::kCeil;
    else node.refuse("its nearest pixel is '" + nearest + "'");
    node.ignore("cubic_coeff_a");  // of a mode that is refused, as is what lies outside
    node.ignore("extrapolation_value");
    if (node.integer("exclude_outside", 0) != 0) node.refuse("it leaves out what is outside");
    if (node.integer("antialias", 0) != 0) node.refuse("it smooths as it makes smaller");
    if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch") node.refuse("it keeps the sides' ratio");
  }
  return [=](const Inputs& in) -> Outputs {
    const Tensor& x = map_of(in);
    if (!sizes_known) return {resized(how, x, by_scales(x.shape(), ops::read(in.floats(1))))};
    if (in.has(3)) return {resized(how, x, by_sizes(x.shape(), in.whole(3).values))};
    return {resized(how, x, by_scales(x.shape(), ops::read(in.floats(2))))};
  };
}

}  // namespace easel::models::onnx
