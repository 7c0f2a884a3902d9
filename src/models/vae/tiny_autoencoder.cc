// TAESD, the tiny autoencoder of Ollin Boer Bohan (https://github.com/madebyollin/taesd, MIT), in the names and with
// the scale that ComfyUI gives it: taesd_encoder.*, taesd_decoder.*, vae_scale, vae_shift.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/vae/autoencoder.h"
#include "models/weights/key_names.h"
#include "nn/layers.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr int64_t kColours = 3;
constexpr const char* kEncoder = "taesd_encoder";
constexpr const char* kDecoder = "taesd_decoder";
constexpr int64_t kLevels = 3;  // of halving and doubling
constexpr int64_t kBlocksPerLevel = 3;

Shape conv_shape(const nn::Weights& w, const std::string& name) {
  const auto shape = w.shape(name);
  if (!shape || shape->rank() != 4 || (*shape)[2] != 3 || (*shape)[3] != 3)
    throw Error(Fault::kBadFile, "the tensor '" + w.full(name) + "' " +
                                     (shape ? "has shape " + shape->str() + ", expected a 3x3 window" : "is missing"))
        .in_file(w.file());
  return *shape;
}

nn::Conv2d conv(const nn::Weights& w) { return nn::Conv2d(with_bias(w), {.pad = 1}); }

// Three convolutions beside a connection past them. Keys: conv.0, conv.2, conv.4, skip (when the width changes).
struct TinyBlock {
  explicit TinyBlock(const nn::Weights& w)
      : conv1(conv(w["conv"][0])), conv2(conv(w["conv"][2])), conv3(conv(w["conv"][4])) {
    if (w.has("skip.weight")) skip = nn::Conv2d(w["skip"]);
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor h = conv2(conv1(x, {.activation = ops::Activation::kRelu}), {.activation = ops::Activation::kRelu});
    return ops::activate(conv3(h, {.residual = skip ? skip(x) : x}), ops::Activation::kRelu);
  }
  bool fits(int64_t in, int64_t out) const {
    return conv1.in_channels() == in && conv2.in_channels() == conv1.out_channels() &&
           conv3.in_channels() == conv2.out_channels() && conv3.out_channels() == out &&
           (skip ? skip.in_channels() == in && skip.out_channels() == out && skip.kernel() == 1 : in == out);
  }
  int64_t out_channels() const { return conv3.out_channels(); }
  size_t bytes() const { return conv1.bytes() + conv2.bytes() + conv3.bytes() + skip.bytes(); }

  nn::Conv2d conv1, conv2, conv3, skip;
};

// A change of size and the blocks at the new size.
struct TinyLevel {
  nn::Conv2d resize;
  std::vector<TinyBlock> blocks;
};

class TinyAutoencoder : public Autoencoder {
 public:
  explicit TinyAutoencoder(const nn::Weights& w) : Autoencoder(read_tiny_config(w), w) {
    if (config().encodes) read_encoder(w[kEncoder]);
    read_decoder(w[kDecoder]);
    scale_ = number(w, "vae_scale", 1.0f);
    shift_ = number(w, "vae_shift", 0.0f);
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

  Tensor encode(const Tensor& pixels) const override {
    const Tensor whole = ops::map([](auto v) { return v * 0.5f + 0.5f; }, pixels);
    Tensor h = convert(encoder_in_(whole.to(device())), compute());
    h = encoder_first_[0](h);
    for (const TinyLevel& level : down_) {
      h = level.resize(h);
      for (const TinyBlock& block : level.blocks) h = block(h);
    }
    const float scale = scale_, shift = shift_;
    return ops::map([=](auto v) { return v / scale + shift; }, encoder_out_(h, {.f32_out = true}));
  }

  Tensor decode(const Tensor& latent) const override {
    Tensor h = decoder_in_(bounded(latent).to(device()), {.activation = ops::Activation::kRelu});
    h = convert(h, compute());
    for (const TinyLevel& level : up_) {
      for (const TinyBlock& block : level.blocks) h = block(h);
      h = level.resize(h, {.upsample2x = true});
    }
    h = decoder_last_[0](h);
    return ops::map([](auto v) { return (v - 0.5f) * 2; }, decoder_out_(h, {.f32_out = true}));
  }

  double encode_bytes_per_pixel() const override { return bytes_per_pixel(encoder_in_.out_channels()); }
  double decode_bytes_per_pixel() const override { return bytes_per_pixel(decoder_out_.in_channels()); }
  size_t bytes() const override {
    size_t total = encoder_in_.bytes() + encoder_out_.bytes() + decoder_in_.bytes() + decoder_out_.bytes();
    for (const auto* blocks : {&encoder_first_, &decoder_last_})
      for (const TinyBlock& block : *blocks) total += block.bytes();
    for (const auto* levels : {&down_, &up_})
      for (const TinyLevel& level : *levels) {
        total += level.resize.bytes();
        for (const TinyBlock& block : level.blocks) total += block.bytes();
      }
    return total;
  }

 private:
  static float number(const nn::Weights& w, const std::string& name, float otherwise) {
    if (!w.has(name)) return otherwise;
    const Tensor value = w.values(name);
    if (!value.defined()) return otherwise;
    if (value.numel() != 1)
      throw Error(Fault::kBadFile, "the tensor '" + w.full(name) + "' is no single number").in_file(w.file());
    const float out = value.to(kHost).view({1}).f32()[0];
    if (!std::isfinite(out) || (name == "vae_scale" && out == 0))
      throw Error(Fault::kBadFile, "the tensor '" + w.full(name) + "' has no usable value").in_file(w.file());
    return out;
  }

  // Numbered as a list of layers: a convolution, a block, then three times a halving and its blocks, a convolution.
  void read_encoder(const nn::Weights& w) {
    int64_t at = 0;
    encoder_in_ = nn::Conv2d(with_bias(w[at]), {.pad = 1}, DType::kF32);
    encoder_first_.emplace_back(w[++at]);
    for (int64_t level = 0; level < kLevels; ++level) {
      TinyLevel& added = down_.emplace_back();
      added.resize = nn::Conv2d(w[++at], {.stride = 2, .pad = 1});
      for (int64_t i = 0; i < kBlocksPerLevel; ++i) added.blocks.emplace_back(w[++at]);
    }
    encoder_out_ = conv(w[++at]);
  }

  // After a bound and a convolution with its activation, three times blocks, a doubling, a convolution; then a block
  // and a convolution.
  void read_decoder(const nn::Weights& w) {
    int64_t at = 1;
    decoder_in_ = nn::Conv2d(with_bias(w[at]), {.pad = 1}, DType::kF32);
    ++at;
    for (int64_t level = 0; level < kLevels; ++level) {
      TinyLevel& added = up_.emplace_back();
      for (int64_t i = 0; i < kBlocksPerLevel; ++i) added.blocks.emplace_back(w[++at]);
      at += 2;
      added.resize = nn::Conv2d(w[at], {.pad = 1, .upsample2x = true});
    }
    decoder_last_.emplace_back(w[++at]);
    decoder_out_ = conv(w[++at]);
  }

  void check_widths(const nn::Weights& w) const {
    const auto require = [&](bool fits, const std::string& where) {
      if (!fits)
        throw Error(Fault::kBadFile, "the shapes of the tensors '" + w.full(where) + ".*' do not fit one another")
            .in_file(w.file());
    };
    const auto follow = [&](const std::vector<TinyBlock>& blocks, int64_t& width, const char* where) {
      for (const TinyBlock& block : blocks) {
        require(block.fits(width, block.out_channels()), where);
        width = block.out_channels();
      }
    };
    const auto resized = [&](const nn::Conv2d& resize, int64_t& width, const char* where) {
      require(resize.in_channels() == width && resize.kernel() == 3, where);
      width = resize.out_channels();
    };
    int64_t width = encoder_in_.out_channels();
    if (config().encodes) {
      require(encoder_in_.in_channels() == kColours, kEncoder);
      follow(encoder_first_, width, kEncoder);
      for (const TinyLevel& level : down_) {
        resized(level.resize, width, kEncoder);
        follow(level.blocks, width, kEncoder);
      }
      require(encoder_out_.in_channels() == width && encoder_out_.out_channels() == config().latent_channels, kEncoder);
    }
    width = decoder_in_.out_channels();
    for (const TinyLevel& level : up_) {
      follow(level.blocks, width, kDecoder);
      resized(level.resize, width, kDecoder);
    }
    follow(decoder_last_, width, kDecoder);
    require(decoder_out_.in_channels() == width && decoder_out_.out_channels() == kColours, kDecoder);
  }

  // The latent in the model's scale, kept within -3..3 by 3 tanh(z / 3).
  Tensor bounded(const Tensor& latent) const {
    Tensor out = clone(convert(latent.to(kHost), DType::kF32));
    float* z = out.f32();
    for (int64_t i = 0; i < out.numel(); ++i) z[i] = 3 * std::tanh((z[i] - shift_) * scale_ / 3);
    return out;
  }

  // A block's input, its result and two maps within it are in memory at once; one at the ends is f32.
  double bytes_per_pixel(int64_t width) const {
    return 4.2 * static_cast<double>(width) * static_cast<double>(dtype_size(compute())) +
           static_cast<double>(width) * sizeof(float);
  }

  float scale_ = 1, shift_ = 0;
  nn::Conv2d encoder_in_, encoder_out_, decoder_in_, decoder_out_;
  std::vector<TinyBlock> encoder_first_, decoder_last_;  // one each
  std::vector<TinyLevel> down_, up_;
};

}  // namespace

bool is_tiny_autoencoder(const nn::Weights& w) { return w[kDecoder].has("1.weight"); }

VaeConfig read_tiny_config(const nn::Weights& w) {
  VaeConfig config;
  config.tiny = true;
  config.encodes = w[kEncoder].has("0.weight");
  config.latent_channels = conv_shape(w, std::string(kDecoder) + ".1.weight")[1];
  config.image_channels = kColours;
  config.downscale = int64_t{1} << kLevels;
  return config;
}

std::unique_ptr<const Autoencoder> make_tiny_autoencoder(const nn::Weights& w) {
  return std::make_unique<const TinyAutoencoder>(w);
}

}  // namespace easel::models
