// SwinIR: groups of Swin's blocks, each with a convolution behind it.
#include "models/text/clip_encoder.h"
#include "models/upscale/transformers/parts.h"

namespace easel::models::transformers {
namespace {

constexpr int64_t kColours = 3;

using Group = BlockGroup<SwinBlock>;

class SwinIr : public TransformerUpscaler {
 public:
  explicit SwinIr(const nn::Weights& w) : device_(w.packer().device()) {
    if (!w.has("conv_first.weight") || w.has("absolute_pos_embed"))
      throw Error(Fault::kUnsupported, "is a SwinIR of a kind that Easel does not run").in_file(w.file());
    const TransformerConfig c = read_config(TransformerKind::kSwinIr, w);
    width_ = c.width;
    window_ = c.window;
    scale_ = c.scale;
    constexpr int64_t kOfJpeg = 7;  // networks against JPEG's artefacts alone have such windows, and count to 255
    range_ = window_ == kOfJpeg ? 255.0f : 1.0f;
    first_ = layers::Convolution(w["conv_first"], kColours, width_);
    norm_first_ = norm(w["patch_embed"]["norm"], width_);
    for (int64_t i = 0; i < entries(w["layers"]); ++i) {
      const nn::Weights group = w["layers"][i], list = group["residual_group"]["blocks"];
      Group made;
      for (int64_t n = 0; n < entries(list); ++n) made.blocks.emplace_back(list[n], width_, window_, n % 2 == 1);
      made.last = Closing(group["conv"], width_);
      groups_.push_back(std::move(made));
    }
    norm_last_ = norm(w["norm"], width_);
    body_ = Closing(w["conv_after_body"], width_);
    painter_ = Painter(w, width_);
    w.require_all();
  }

  Tensor forward(const Tensor& pictures) const override {
    const Tensor given = without_mean(mirrored_to(pictures.to(device_), window_), range_);
    const Tensor start = first_(given);
    Tensor x = norm_first_(start);
    for (const Group& group : groups_) x = group(x);
    Tensor out = painter_(ops::add(start, body_(norm_last_(x))));
    if (painter_.paints_difference()) out = ops::add(given, out);
    out = with_mean(out, range_);
    return contiguous(out.slice(1, 0, pictures.dim(1) * scale_).slice(2, 0, pictures.dim(2) * scale_));
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kMaps = 14;
    return static_cast<size_t>(width_ * kMaps) * sizeof(float) + painter_.bytes_of_pixel();
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + body_.bytes() + painter_.bytes();
    for (const Group& group : groups_) total += group.bytes();
    return total;
  }

 private:
  Device device_;
  int64_t width_ = 0, window_ = 0, scale_ = 1;
  float range_ = 1;
  layers::Convolution first_;
  nn::LayerNorm norm_first_, norm_last_;
  std::vector<Group> groups_;
  Closing body_;
  Painter painter_;
};

}  // namespace

UpscalerPtr swin_ir(const nn::Weights& w) { return std::make_unique<const SwinIr>(w); }

}  // namespace easel::models::transformers
