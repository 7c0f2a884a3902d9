#include "models/control/t2i_adapter.h"

#include "image/scale/resize.h"
#include "models/weights/key_names.h"
#include "nn/layers.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kStages = 4;

nn::Conv2d conv(const nn::Weights& w, int64_t stride = 1) {
  const auto shape = w.shape("weight");
  const int64_t kernel = shape && shape->rank() == 4 ? (*shape)[2] : 1;
  return nn::Conv2d(with_bias(w), {.stride = stride, .pad = kernel / 2}, DType::kF32);
}

// Average pooling over 2x2 windows; an odd side is padded with a line of zeros before the first, which is averaged too.
Tensor average_pool(Tensor x) {
  if (x.dim(1) % 2 != 0)
    x = ops::concat({Tensor::zeros({x.dim(0), 1, x.dim(2), x.dim(3)}, x.dtype(), x.device()), x}, 1);
  if (x.dim(2) % 2 != 0)
    x = ops::concat({Tensor::zeros({x.dim(0), x.dim(1), 1, x.dim(3)}, x.dtype(), x.device()), x}, 2);
  return ops::avg_pool2x(x);
}

// Keys: block1, block2, in_conv (when the width changes), down_opt.op (when it halves the map by convolution).
struct AdapterBlock {
  AdapterBlock(const nn::Weights& w, bool halves) : block1(conv(w["block1"])), block2(conv(w["block2"])), down(halves) {
    if (w.has("in_conv.weight")) in = conv(w["in_conv"]);
    if (w.has("down_opt.op.weight")) down_conv = conv(w["down_opt"]["op"], 2);
  }
  Tensor operator()(Tensor x) const {
    if (down) x = down_conv ? down_conv(x) : average_pool(std::move(x));
    if (in) x = in(x);
    return block2(block1(x, {.activation = ops::Activation::kRelu}), {.residual = x});
  }
  // Whether the block's tensors fit each other and a map of `channels` channels.
  bool fits(int64_t channels) const {
    const auto follows = [&](const nn::Conv2d& c) {
      if (!c) return true;
      const bool good = c.in_channels() == channels && c.kernel() % 2 == 1;
      channels = c.out_channels();
      return good;
    };
    if (!follows(down_conv) || !follows(in)) return false;
    const int64_t kept = channels;  // what the block adds to
    return follows(block1) && follows(block2) && channels == kept;
  }
  int64_t out_channels() const { return block2.out_channels(); }
  size_t bytes() const { return block1.bytes() + block2.bytes() + in.bytes() + down_conv.bytes(); }

  nn::Conv2d block1, block2, in, down_conv;
  bool down;
};

// One stage of a light adapter. Keys: in_conv, body.N.{block1,block2}, out_conv.
struct LightStage {
  LightStage(const nn::Weights& w, bool halves) : in(conv(w["in_conv"])), out(conv(w["out_conv"])), down(halves) {
    const int64_t count = std::max<int64_t>(1, numbered_children(w["body"]));
    for (int64_t i = 0; i < count; ++i) body.emplace_back(w["body"][i], false);
  }
  Tensor operator()(Tensor x) const {
    if (down) x = average_pool(std::move(x));
    x = in(x);
    for (const AdapterBlock& block : body) x = block(std::move(x));
    return out(x);
  }
  bool fits(int64_t channels) const {
    bool all = in.in_channels() == channels && out.in_channels() == in.out_channels() && in.kernel() % 2 == 1 &&
               out.kernel() % 2 == 1;
    for (const AdapterBlock& block : body)
      all = all && block.fits(in.out_channels()) && block.out_channels() == in.out_channels();
    return all;
  }
  size_t bytes() const {
    size_t total = in.bytes() + out.bytes();
    for (const AdapterBlock& block : body) total += block.bytes();
    return total;
  }

  nn::Conv2d in, out;
  std::vector<AdapterBlock> body;
  bool down;
};

class T2iAdapter final : public ControlNet {
 public:
  T2iAdapter(const nn::Weights& w, ControlKind kind) : config_(read_t2i_config(w, kind)), device_(w.packer().device()) {
    if (config_.light) {
      for (int64_t i = 0; i < kStages; ++i) light_.emplace_back(w["body"][i], i > 0);
    } else {
      in_ = conv(w["conv_in"]);
      for (int64_t i = 0; i < 2 * kStages; ++i) full_.emplace_back(w["body"][i], i % 2 == 0 && halves(i / 2));
    }
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

  PreparedHint prepare(const Tensor& hint, int64_t latent_height, int64_t latent_width, int64_t) const override {
    const int64_t u = config_.unshuffle;
    // Pixels per latent pixel: SDXL's adapters begin at half the latent's resolution.
    const int64_t factor = config_.sdxl ? u / 2 : u;
    const image::Size size{(latent_width * factor + u - 1) / u * u, (latent_height * factor + u - 1) / u * u};
    Tensor x = image::upscale(hint.slice(3, 0, std::min<int64_t>(3, hint.dim(3))), size,
                              image::ResizeMethod::kNearestExact, image::CropMode::kCenter);
    if (config_.hint_channels == 1) x = ops::reduce(x, ops::Reduction::kMean, 3, 3);
    return {Tensor(), features(ops::pixel_unshuffle(contiguous(x).to(device_), u)), Tensor()};
  }

  ContextProjectionPtr project(const Tensor&) const override { return nullptr; }

  ControlResiduals forward(const PreparedHint& hint, const ControlInputs& in) const override;

  size_t bytes() const override {
    size_t total = in_.bytes();
    for (const AdapterBlock& block : full_) total += block.bytes();
    for (const LightStage& stage : light_) total += stage.bytes();
    return total;
  }

 private:
  // Whether a stage of a full adapter works on a map half as large as the one before.
  bool halves(int64_t stage) const { return config_.sdxl ? stage == 2 : stage > 0; }

  void check_widths(const nn::Weights& w) const {
    int64_t channels = config_.hint_channels * config_.unshuffle * config_.unshuffle;
    bool all = !in_ || in_.kernel() % 2 == 1;
    if (in_) channels = in_.out_channels();
    const auto follow = [&](const auto& part, int64_t out) {
      all = all && part.fits(channels);
      channels = out;
    };
    for (const AdapterBlock& block : full_) follow(block, block.out_channels());
    for (const LightStage& stage : light_) follow(stage, stage.out.out_channels());
    if (!all)
      throw Error(Fault::kBadFile, "the shapes of the adapter's tensors do not fit one another").in_file(w.file());
  }

  // One map per stage, for the UNet's input block of its size: blocks 2, 5, 8, 11 of SD, 3, 5, 8 of SDXL.
  ControlResiduals features(Tensor x) const {
    ControlResiduals out;
    if (in_) x = in_(x);
    for (int64_t stage = 0; stage < kStages; ++stage) {
      if (config_.light) {
        x = light_[static_cast<size_t>(stage)](std::move(x));
      } else {
        x = full_[static_cast<size_t>(2 * stage)](std::move(x));
        x = full_[static_cast<size_t>(2 * stage + 1)](std::move(x));
      }
      if (config_.sdxl && stage == kStages - 1) {
        out.input.emplace_back();
        out.middle.push_back(x);
        break;
      }
      const int64_t skipped = !config_.sdxl ? 2 : stage == 0 ? 3 : stage == 2 ? 2 : 1;
      out.input.resize(out.input.size() + static_cast<size_t>(skipped));
      out.input.push_back(x);
    }
    return out;
  }

  T2iConfig config_;
  Device device_;
  nn::Conv2d in_;
  std::vector<AdapterBlock> full_;
  std::vector<LightStage> light_;
};

ControlResiduals T2iAdapter::forward(const PreparedHint& hint, const ControlInputs& in) const {
  ControlResiduals out = hint.fixed;
  for (Tensor& t : out.input) t = hint_rows(t, in);
  for (Tensor& t : out.middle) t = hint_rows(t, in);
  return out;
}

}  // namespace

T2iConfig read_t2i_config(const nn::Weights& w, ControlKind kind) {
  T2iConfig config;
  config.light = kind == ControlKind::kT2iLight;
  const std::string first = config.light ? "body.0.in_conv.weight" : "conv_in.weight";
  const std::string last = config.light ? "body.0.out_conv.weight" : "conv_in.weight";
  const auto in = w.shape(first), out = w.shape(last);
  if (!in || in->rank() != 4 || !out || out->rank() != 4)
    throw Error(Fault::kBadFile, "no T2I-Adapter here: the tensor '" + first + "' is missing or misshapen")
        .in_file(w.file());
  const int64_t channels = (*in)[1];
  // 16 x 16 pixels of one or three channels, against 8 x 8.
  config.sdxl = !config.light && (channels == 256 || channels == 768);
  config.unshuffle = config.sdxl ? 16 : 8;
  config.hint_channels = channels / (config.unshuffle * config.unshuffle);
  config.model_channels = (*out)[0];
  if (config.hint_channels * config.unshuffle * config.unshuffle != channels ||
      (config.hint_channels != 1 && config.hint_channels != 3))
    throw Error(Fault::kBadFile,
                "'" + first + "' takes " + std::to_string(channels) + " channels, which no picture gives")
        .in_file(w.file());
  return config;
}

std::shared_ptr<const ControlNet> make_t2i_adapter(const nn::Weights& w, ControlKind kind) {
  return std::make_shared<const T2iAdapter>(w, kind);
}

}  // namespace easel::models
