#include "models/hints/soft_edges.h"

#include <algorithm>
#include <array>

#include "image/hints/hints.h"
#include "image/scale/resize.h"
#include "models/hints/chain.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr std::array<size_t, 5> kConvsOfBlock{2, 2, 3, 3, 3};
constexpr int64_t kSafeSteps = 2;  // of comfyui_controlnet_aux
constexpr int64_t kMultiple = 16;  // what the poolings between the blocks divide by

}  // namespace

bool is_soft_edge_network(const StoredTensors& file) {
  return file.contains("norm") && file.contains("block1.convs.0.weight") && file.contains("block1.projection.weight");
}

struct SoftEdgeNetwork::Impl {
  explicit Impl(const nn::Weights& w) : device(w.packer().device()) {
    norm = checked_parameter(w, "norm", {1, 3, 1, 1});
    if (norm.defined()) norm = norm.view({1, 1, 1, 3});
    int64_t width = 3;
    for (size_t i = 0; i < blocks.size(); ++i) {
      const nn::Weights block = w["block" + std::to_string(i + 1)];
      std::vector<std::string> names;
      for (size_t n = 0; n < kConvsOfBlock[i]; ++n) names.push_back(std::to_string(n));
      blocks[i] = Chain(block["convs"], names, width, 0);
      width = blocks[i].width();
      projections[i] = Chain(block, {"projection"}, width, 1);
    }
    w.require_all();
  }

  Device device;
  Tensor norm;
  std::array<Chain, kConvsOfBlock.size()> blocks, projections;
};

SoftEdgeNetwork::SoftEdgeNetwork(const nn::Weights& w) : impl_(std::make_unique<const Impl>(w)) {}
SoftEdgeNetwork::~SoftEdgeNetwork() = default;

void SoftEdgeNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

Tensor SoftEdgeNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  if (pixels.rank() != 4 || pixels.dim(3) != 3 || pixels.dim(1) % kMultiple != 0 || pixels.dim(2) % kMultiple != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of soft edges");
  const image::Size size = image::size_of(pixels);
  Tensor x = ops::map([](auto v, auto mean) { return v - mean; }, pixels.to(m.device), m.norm);
  Tensor sum;
  for (size_t i = 0; i < m.blocks.size(); ++i) {
    if (i > 0) x = max_pooled(x);
    x = m.blocks[i](x, true);
    const Tensor level = image::resize(m.projections[i](x, false).to(kHost), size, image::ResizeMethod::kBilinear);
    sum = i == 0 ? level : ops::add(sum, level);
  }
  return ops::map([](auto v) { return v / static_cast<float>(kConvsOfBlock.size()); }, sum);
}

size_t SoftEdgeNetwork::memory_estimate(int64_t height, int64_t width) const {
  constexpr int64_t kMaps = 4, kLevels = kConvsOfBlock.size();
  int64_t widest = 0;  // of maps at the picture's own size
  for (size_t i = 0; i < impl_->blocks.size(); ++i)
    widest = std::max(widest, (impl_->blocks[i].widest() >> (2 * i)) + 1);
  return static_cast<size_t>(height * width * (widest * kMaps + kLevels)) * sizeof(float);
}

size_t SoftEdgeNetwork::bytes() const {
  size_t total = 0;
  for (size_t i = 0; i < impl_->blocks.size(); ++i) total += impl_->blocks[i].bytes() + impl_->projections[i].bytes();
  return total;
}

SoftEdgeHandle load_soft_edge_network(memory::Residency& residency, const StoredTensors& file,
                                      const std::string& file_name) {
  if (!is_soft_edge_network(file))
    throw Error(Fault::kUnsupported, "this is no network of soft edges (HED)")
        .in_file(file_name)
        .fix("Put the published ControlNetHED.pth there (lllyasviel/Annotators)");
  return load_file_network<SoftEdgeNetwork>(residency, std::make_shared<const StoredTensors>(file), file_name, "hed",
                                            "HED");
}

image::BytePicture soft_edges(memory::Residency& residency, const SoftEdgeHandle& handle,
                              const image::BytePicture& picture, bool safe) {
  const Tensor bytes = ops::map([](auto v) { return ops::round(v * 255.0f); }, image::picture_of({picture}));
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(picture.height, picture.width), "HED at work");
  return image::likelihood_bytes(model->forward(bytes), safe ? kSafeSteps : 0);
}

}  // namespace easel::models
