#include "models/upscale/upscaler.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/text/clip_encoder.h"
#include "models/text/clip_text.h"
#include "models/vae/tiles.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "nn/layers.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {
namespace {

constexpr int64_t kColours = 3, kMaxBlocks = 256, kMaxEnlargements = 4;
constexpr int64_t kLargestTile = 512, kSmallestUpscaleTile = 128, kOverlap = 32;
constexpr float kResidualScale = 0.2f;

Shape conv_shape(const nn::Weights& w, const std::string& name, int64_t in) {
  const auto shape = w.shape(name);
  if (!shape) {
    w.get(name);
    w.require_all();
  }
  if (shape->rank() != 4 || (*shape)[2] != 3 || (*shape)[3] != 3 || (in > 0 && (*shape)[1] != in) ||
      shape->numel() == 0)
    throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' has shape " + shape->str() +
                                     ", expected a 3x3 window over " +
                                     (in > 0 ? std::to_string(in) : std::string("the")) + " channels")
        .in_file(w.file());
  return *shape;
}

// A 3x3 convolution of these widths, with a bias.
nn::Conv2d conv(const nn::Weights& w, int64_t in, int64_t out, DType compute, bool upsample = false) {
  expect_shape(w, "weight", {out, in, 3, 3});
  expect_shape(w, "bias", {out});
  return nn::Conv2d(with_bias(w), {.pad = 1, .upsample2x = upsample}, compute);
}

// x [N,H*r,W*r,C] plus `base` [N,H,W,C] enlarged by r: each pixel is added to r x r pixels.
Tensor add_enlarged(const Tensor& x, const Tensor& base, int64_t r) {
  const int64_t n = base.dim(0), h = base.dim(1), w = base.dim(2), c = base.dim(3);
  return ops::map([](auto v, auto under) { return v + under; }, x.view({n, h, r, w, r, c}),
                  base.view({n, h, 1, w, 1, c}))
      .view(x.shape());
}

// Pads below and on the right to multiples of r, mirrored without repeating the edge.
Tensor pad_reflected(const Tensor& x, int64_t r) {
  const int64_t h = x.dim(1), w = x.dim(2), down = (r - h % r) % r, right = (r - w % r) % r;
  if (down == 0 && right == 0) return x;
  if (down >= h || right >= w)
    throw Error(Fault::kInvalid,
                "a picture of " + std::to_string(w) + " x " + std::to_string(h) + " pixels is too small to enlarge");
  const auto mirrored = [](int64_t size, int64_t more) {
    ops::Taps taps;
    for (int64_t i = 0; i < size + more; ++i) taps.index.push_back(i < size ? i : 2 * size - 2 - i);
    return taps;
  };
  return ops::resample(x, mirrored(h, down), mirrored(w, right));
}

// Five convolutions, each of which also takes the outputs of all earlier ones.
class DenseBlock {
 public:
  DenseBlock(const nn::Weights& w, int64_t features, DType compute) : compute_(compute) {
    if (w.has("conv1x1.weight"))
      throw Error(Fault::kUnsupported, "is of the kind ESRGAN+, which Easel does not run").in_file(w.file());
    const int64_t growth = conv_shape(w, "conv1.weight", features)[0];
    for (int64_t i = 0; i < 5; ++i)
      convs_[static_cast<size_t>(i)] =
          conv(w["conv" + std::to_string(i + 1)], features + i * growth, i == 4 ? features : growth, compute);
  }

  // x [N,H,W,features] f32 -> f32.
  Tensor operator()(const Tensor& x) const {
    Tensor seen = convert(x, compute_);
    for (size_t i = 0; i < 4; ++i)
      seen = ops::concat({seen, convs_[i](seen, {.activation = ops::Activation::kLeakyRelu})}, -1);
    return ops::add(x, convs_[4](seen, {.f32_out = true}), kResidualScale);
  }
  int64_t growth() const { return convs_[0].out_channels(); }
  size_t bytes() const {
    size_t total = 0;
    for (const nn::Conv2d& c : convs_) total += c.bytes();
    return total;
  }

 private:
  std::array<nn::Conv2d, 5> convs_;
  DType compute_;
};

// max(x, 0) + slope min(x, 0), a slope for each channel.
Tensor prelu(const Tensor& x, const Tensor& slopes) {
  const Tensor positive = ops::activate(x, ops::Activation::kRelu);
  return ops::add(positive, ops::mul(ops::add(x, positive, -1.0f), slopes));
}

}  // namespace

// Wang et al. 2018, "ESRGAN"; Wang et al. 2021, "Real-ESRGAN".
struct Upscaler::Impl {
  explicit Impl(const nn::Weights& w)
      : config(read_upscaler_config(w)), compute(w.compute()), device(w.packer().device()) {
    if (config.transformer) {
      transformer = TransformerUpscaler::make(*config.transformer, w);
      return;
    }
    if (config.compact) build_compact(w);
    else build_dense(w);
    w.require_all();
  }

  void build_dense(const nn::Weights& w) {
    const int64_t f = config.features, in = kColours * config.unshuffle * config.unshuffle;
    first = conv(w["conv_first"], in, f, DType::kF32);
    for (int64_t i = 0; i < 3 * config.blocks; ++i)
      dense.emplace_back(w["body"][i / 3]["rdb" + std::to_string(i % 3 + 1)], f, compute);
    body = conv(w["conv_body"], f, f, compute);
    for (int64_t i = 0; i < config.enlargements; ++i)
      enlarge.push_back(conv(w["conv_up" + std::to_string(i + 1)], f, f, compute, /*upsample=*/true));
    before_last = conv(w["conv_hr"], f, f, compute);
    last = conv(w["conv_last"], f, kColours, compute);
  }

  void build_compact(const nn::Weights& w) {
    const int64_t f = config.features;
    first = conv(w["body"][0], kColours, f, DType::kF32);
    for (int64_t i = 0; i <= config.blocks; ++i) {
      const Tensor slope = w["body"][2 * i + 1].values("weight", Shape{f});
      slopes.push_back(slope.defined() ? convert(slope, compute).view({1, 1, 1, f}) : slope);
      if (i < config.blocks) plain.push_back(conv(w["body"][2 * i + 2], f, f, compute));
    }
    last = conv(w["body"][2 * config.blocks + 2], f, kColours * config.scale * config.scale, compute);
  }

  Tensor run_dense(const Tensor& x) const {
    const Tensor start =
        first(config.unshuffle > 1 ? ops::pixel_unshuffle(pad_reflected(x, config.unshuffle), config.unshuffle) : x);
    Tensor h = start;
    for (size_t i = 0; i < dense.size(); i += 3)
      h = ops::add(h, dense[i + 2](dense[i + 1](dense[i](h))), kResidualScale);
    h = convert(body(convert(h, compute), {.residual = start, .f32_out = true}), compute);
    for (const nn::Conv2d& c : enlarge) h = c(h, {.activation = ops::Activation::kLeakyRelu, .upsample2x = true});
    const Tensor out = last(before_last(h, {.activation = ops::Activation::kLeakyRelu}), {.f32_out = true});
    return contiguous(out.slice(1, 0, x.dim(1) * config.scale).slice(2, 0, x.dim(2) * config.scale));
  }

  // Each picture by itself.
  Tensor run_transformer(const Tensor& x) const {
    std::vector<Tensor> out;
    for (int64_t n = 0; n < x.dim(0); ++n) out.push_back(transformer->forward(x.slice(0, n, 1)));
    return out.size() == 1 ? out[0] : ops::concat(out, 0);
  }

  Tensor run_compact(const Tensor& x) const {
    Tensor h = prelu(convert(first(x), compute), slopes[0]);
    for (size_t i = 0; i < plain.size(); ++i) h = prelu(plain[i](h), slopes[i + 1]);
    return add_enlarged(ops::pixel_shuffle(last(h, {.f32_out = true}), config.scale), x, config.scale);
  }

  UpscalerConfig config;
  DType compute;
  Device device;
  std::unique_ptr<const TransformerUpscaler> transformer;
  nn::Conv2d first, body, before_last, last;
  std::vector<DenseBlock> dense;
  std::vector<nn::Conv2d> enlarge, plain;
  std::vector<Tensor> slopes;
};

UpscalerConfig read_upscaler_config(const nn::Weights& w) {
  UpscalerConfig c;
  for (const TransformerKind kind :
       {TransformerKind::kHat, TransformerKind::kSwinIr, TransformerKind::kDat, TransformerKind::kOmniSr})
    if (is_transformer(kind, w)) {
      const TransformerConfig found = TransformerUpscaler::read_config(kind, w);
      c.transformer = kind;
      c.scale = found.scale;
      c.features = found.width;
      c.blocks = found.blocks;
      return c;
    }
  c.compact = !w.has("conv_first.weight");
  const Shape first = conv_shape(w, c.compact ? "body.0.weight" : "conv_first.weight", 0);
  c.features = first[0];
  const int64_t children = numbered_children(w["body"]);
  if (children > kMaxBlocks)
    throw Error(Fault::kBadFile, "has " + std::to_string(children) + " blocks, more than an upscaler has")
        .in_file(w.file());
  if (c.compact) {
    c.blocks = (children - 3) / 2;
    const Shape last = conv_shape(w, "body." + std::to_string(children - 1) + ".weight", c.features);
    c.scale = std::lround(std::sqrt(static_cast<double>(last[0]) / static_cast<double>(kColours)));
    if (first[1] != kColours || children % 2 == 0 || c.scale < 1 || c.scale > 16 ||
        c.scale * c.scale * kColours != last[0])
      throw Error(Fault::kUnsupported, "is a compact upscaler from " + std::to_string(first[1]) + " channels to " +
                                           std::to_string(last[0]) + ", of a kind that Easel does not run")
          .in_file(w.file());
    return c;
  }
  c.blocks = children;
  while (c.enlargements < kMaxEnlargements && w.has("conv_up" + std::to_string(c.enlargements + 1) + ".weight"))
    ++c.enlargements;
  c.unshuffle = first[1] == kColours ? 1 : first[1] == kColours * 4 ? 2 : first[1] == kColours * 16 ? 4 : 0;
  const int64_t enlarged = int64_t{1} << c.enlargements;
  if (c.unshuffle == 0 || enlarged % c.unshuffle != 0)
    throw Error(Fault::kUnsupported, "is an upscaler of pictures with " + std::to_string(first[1]) +
                                         " channels, of a kind that Easel does not run")
        .in_file(w.file());
  c.scale = enlarged / c.unshuffle;
  return c;
}

Upscaler::Upscaler(const nn::Weights& w) : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
Upscaler::~Upscaler() = default;

void Upscaler::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

const UpscalerConfig& Upscaler::config() const { return impl_->config; }

Tensor Upscaler::forward(const Tensor& pictures) const {
  if (pictures.rank() != 4 || pictures.dim(3) < kColours)
    throw Error(Fault::kMismatch, "a picture of shape " + pictures.shape().str() + " has no three colours");
  const Tensor x = contiguous(convert(pictures.slice(3, 0, kColours), DType::kF32)).to(impl_->device);
  if (impl_->transformer) return impl_->run_transformer(x);
  return impl_->config.compact ? impl_->run_compact(x) : impl_->run_dense(x);
}

size_t Upscaler::memory_estimate(int64_t height, int64_t width) const {
  const UpscalerConfig& c = impl_->config;
  if (impl_->transformer) return static_cast<size_t>(height * width) * impl_->transformer->bytes_of_pixel();
  const int64_t value = impl_->compute == DType::kF32 ? 4 : 2, out = c.scale * c.scale * kColours * 4;
  int64_t pixel = 0;  // of the map that the blocks see
  if (c.compact) {
    pixel = c.features * value * 4 + 3 * out;
  } else {
    const int64_t growth = impl_->dense.empty() ? 0 : impl_->dense[0].growth(),
                  area = int64_t{1} << (2 * c.enlargements);
    const int64_t trunk = c.features * 4 * 4 + (2 * c.features + 8 * growth) * value;
    const int64_t enlarging = c.features * 4 + area * (c.features * value * 5 / 2 + 2 * kColours * 4);
    pixel = std::max(trunk, enlarging) + out;
  }
  const double pixels = static_cast<double>(height * width) / static_cast<double>(c.unshuffle * c.unshuffle);
  return static_cast<size_t>(pixels * static_cast<double>(pixel) * 1.25);
}

size_t Upscaler::bytes() const {
  const Impl& m = *impl_;
  if (m.transformer) return m.transformer->bytes();
  size_t total = m.first.bytes() + m.body.bytes() + m.before_last.bytes() + m.last.bytes();
  for (const DenseBlock& block : m.dense) total += block.bytes();
  for (const nn::Conv2d& c : m.enlarge) total += c.bytes();
  for (const nn::Conv2d& c : m.plain) total += c.bytes();
  return total;
}

UpscalerHandle load_upscaler(memory::Residency& residency, const StoredTensors& file, DType compute,
                             const std::string& file_name) {
  const auto tensors = upscaler_tensors(file);
  if (!tensors)
    throw Error(
        Fault::kUnsupported,
        "this is no upscaler that Easel runs: it reads those of the ESRGAN family, compact ones, SwinIR, HAT, DAT "
        "and OmniSR")
        .in_file(file_name)
        .fix("Choose a file such as RealESRGAN_x4plus.pth, 4x-UltraSharp.pth or realesr-general-x4v3.pth");
  const nn::Weights weights(tensors, compute, file_name);
  Upscaler::check(weights);
  UpscalerHandle handle{file_name, read_upscaler_config(weights), nullptr};
  handle.model = packed_model<Upscaler>(
      residency, "upscaler " + file_name, {"upscaler", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const Upscaler>(nn::Weights(tensors, compute, file_name, packer));
      });
  return handle;
}

int64_t upscale_tile(const Upscaler& model, size_t memory_budget) {
  int64_t tile = kLargestTile;
  while (memory_budget > 0 && tile > kSmallestUpscaleTile && model.memory_estimate(tile, tile) > memory_budget)
    tile /= 2;
  return tile;
}

Tensor upscale(const Upscaler& model, const Tensor& pictures, const UpscaleRun& run) {
  const int64_t tile = upscale_tile(model, run.memory_budget);
  const Tiling tiling{tile, tile, kOverlap, static_cast<double>(model.config().scale), kColours};
  const int total = static_cast<int>(pictures.dim(0)) * tile_count(tiling, pictures.dim(1), pictures.dim(2));
  int done = 0;
  const Tensor out = map_tiles(
      pictures, tiling, [&](const Tensor& x) { return model.forward(x); },
      [&] {
        if (run.progress) run.progress(++done, total);
      });
  ops::update(out, [](auto v) { return ops::clamp(v, 0, 1); });
  return out.to(kHost);
}

}  // namespace easel::models
