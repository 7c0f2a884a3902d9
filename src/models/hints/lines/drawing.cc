// A network of residual blocks at a quarter of the size (Johnson et al. 2016), as Chan et al. 2022 trained it.
#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"

namespace easel::models::lines {
namespace {

using layers::Border, layers::Convolution, layers::InstanceNorm, layers::relu, layers::TurnedConvolution;

constexpr int64_t kColours = 3, kOuter = 7, kMostBlocks = 64;

class Drawing : public LineNetwork::Part {
 public:
  explicit Drawing(const nn::Weights& w) : device_(w.packer().device()) {
    width_ = shape_of_rank(w, "model0.1.weight", 4)[0];
    first_ = Convolution(w["model0"][1], kColours, width_, {.size = kOuter, .border = Border::kMirrored});
    halved_ = Convolution(w["model1"][0], width_, 2 * width_, {.stride = 2});
    quartered_ = Convolution(w["model1"][3], 2 * width_, 4 * width_, {.stride = 2});
    const int64_t blocks = numbered_children(w["model2"]);
    if (blocks > kMostBlocks)
      throw Error(Fault::kBadFile, "has " + std::to_string(blocks) + " blocks, more than such a network has")
          .in_file(w.file());
    for (int64_t i = 0; i < blocks; ++i)
      for (const int64_t layer : {1, 5})
        blocks_.emplace_back(w["model2"][i]["conv_block"][layer], 4 * width_, 4 * width_,
                             layers::Window{.border = Border::kMirrored});
    doubled_ = TurnedConvolution(w["model3"][0], 4 * width_, 2 * width_, 3, 1);
    whole_ = TurnedConvolution(w["model3"][3], 2 * width_, width_, 3, 1);
    last_ = Convolution(w["model4"][1], width_, 1, {.size = kOuter, .border = Border::kMirrored});
    w.require_all();
    for (int64_t times : {1, 2, 4}) norms_.emplace_back(times * width_, device_);
  }

  LineKind kind() const override { return LineKind::kDrawing; }
  int64_t multiple() const override { return 4; }
  Tensor forward(const Tensor& pixels) const override {
    Tensor x = relu(norms_[0](first_(pixels.to(device_))));
    x = relu(norms_[1](halved_(x)));
    x = relu(norms_[2](quartered_(x)));
    for (size_t i = 0; i + 1 < blocks_.size(); i += 2)
      x = ops::add(x, norms_[2](blocks_[i + 1](relu(norms_[2](blocks_[i](x))))));
    x = relu(norms_[1](doubled_(x)));
    x = relu(norms_[0](whole_(x)));
    return layers::sigmoid(last_(x));
  }
  size_t bytes_of_pixel() const override { return static_cast<size_t>(width_) * 5 * sizeof(float); }
  size_t bytes() const override {
    size_t total =
        first_.bytes() + halved_.bytes() + quartered_.bytes() + doubled_.bytes() + whole_.bytes() + last_.bytes();
    for (const Convolution& c : blocks_) total += c.bytes();
    return total;
  }

 private:
  Device device_;
  int64_t width_ = 0;
  Convolution first_, halved_, quartered_, last_;
  std::vector<Convolution> blocks_;
  TurnedConvolution doubled_, whole_;
  std::vector<InstanceNorm> norms_;
};

}  // namespace

PartPtr drawing(const nn::Weights& w) { return std::make_unique<const Drawing>(w); }

}  // namespace easel::models::lines
