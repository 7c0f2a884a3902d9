// A detector in the layout of ultralytics' files whose answers are known: where one of every eighth pixel is bright
// there is a box of 16 x 16 pixels around the middle of its cell, and with masks, a mask where those pixels are bright.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "formats/tensors/torch_writer.h"

namespace easel::testing {

struct SquareDetector {
  bool masks = false;
  int64_t trained_size = 64;
};

namespace detail {

using formats::TorchModule;

// A window of one pixel with a step, with these values of weight and bias.
inline TorchModule pixel_window(int64_t in, int64_t out, int64_t step) {
  TorchModule conv{.kind = "torch.nn.modules.conv.Conv2d"};
  const auto both = [](int64_t v) { return std::vector<int64_t>{v, v}; };
  conv.attributes = {{"kernel_size", both(1)},
                     {"stride", both(step)},
                     {"padding", both(0)},
                     {"dilation", both(1)},
                     {"groups", int64_t{1}}};
  conv.parameters = {{"weight", {out, in, 1, 1}}, {"bias", {out}}};
  return conv;
}
inline TorchModule module_list(const std::string& kind, std::vector<TorchModule> all) {
  TorchModule out{.kind = "torch.nn.modules.container." + kind};
  for (size_t i = 0; i < all.size(); ++i) out.modules.emplace_back(std::to_string(i), std::move(all[i]));
  return out;
}

}  // namespace detail

inline formats::TorchModule square_module(const SquareDetector& what) {
  using namespace detail;
  std::vector<TorchModule> layers{pixel_window(3, 1, 2), pixel_window(1, 1, 2), pixel_window(1, 1, 2)};
  for (TorchModule& layer : layers) layer.attributes.emplace_back("f", int64_t{-1});
  TorchModule dfl{.kind = "ultralytics.nn.modules.block.DFL"};
  TorchModule bins = pixel_window(16, 1, 1);
  bins.parameters.pop_back();
  dfl.modules.emplace_back("conv", std::move(bins));
  TorchModule head{.kind = std::string("ultralytics.nn.modules.head.") + (what.masks ? "Segment" : "Detect")};
  head.attributes = {{"nc", int64_t{2}}, {"reg_max", int64_t{16}}, {"f", std::vector<int64_t>{2}}};
  head.modules = {{"cv2", module_list("ModuleList", {pixel_window(1, 64, 1)})},
                  {"cv3", module_list("ModuleList", {pixel_window(1, 2, 1)})},
                  {"dfl", std::move(dfl)}};
  if (what.masks) {
    head.modules.emplace_back("proto", pixel_window(1, 1, 1));
    head.modules.emplace_back("cv4", module_list("ModuleList", {pixel_window(1, 1, 1)}));
    head.method_of = "ultralytics.nn.modules.head.Detect";
  }
  layers.push_back(std::move(head));
  TorchModule root{.kind =
                       std::string("ultralytics.nn.tasks.") + (what.masks ? "SegmentationModel" : "DetectionModel")};
  root.attributes = {{"names", std::map<int64_t, std::string>{{0, "face"}, {1, "hand"}}}};
  root.modules.emplace_back("model", module_list("Sequential", std::move(layers)));
  return root;
}

// A cell of brightness b is a face by the logit 20 b - 10; nothing is likely to be a hand.
inline void write_square_detector(const std::filesystem::path& path, const SquareDetector& what = {}) {
  std::filesystem::create_directories(path.parent_path());
  const formats::TorchModule module = square_module(what);
  formats::TorchWriter writer(
      path, "model", module, DType::kF32,
      {{"ema", nullptr}, {"train_args", std::map<std::string, int64_t>{{"imgsz", what.trained_size}}}});
  for (const auto& [name, shape] : module.tensors()) {
    std::vector<float> values(static_cast<size_t>(shape.numel()), 0.0f);
    const auto is = [&name = name](const char* ending) { return name.ends_with(ending); };
    if (is("model.0.weight")) values.assign(3, 1.0f / 3.0f);
    if (is("model.1.weight") || is("model.2.weight") || is("proto.weight")) values[0] = 1;
    if (is("dfl.conv.weight"))
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    if (is("cv2.0.bias"))
      for (size_t side = 0; side < 4; ++side) values[side * 16 + 1] = 60;  // a distance of one cell
    if (is("cv3.0.weight")) values[0] = 20;
    if (is("cv3.0.bias")) values.assign(2, -10.0f);
    if (is("proto.bias")) values[0] = -0.5f;
    if (is("cv4.0.bias")) values[0] = 1;
    writer.write(values.data(), values.size() * sizeof(float));
  }
  writer.commit();
}

}  // namespace easel::testing
