// The autoencoder of Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models".
#include <algorithm>

#include "base/error.h"
#include "models/unet/unet_blocks.h"
#include "models/vae/autoencoder.h"
#include "models/weights/key_names.h"

namespace easel::models {
namespace {

constexpr float kEps = 1e-6f;

// Keys: norm1, conv1, norm2, conv2, nin_shortcut (when the width changes).
struct VaeResBlock {
  explicit VaeResBlock(const nn::Weights& w)
      : norm1(w["norm1"], kEps),
        norm2(w["norm2"], kEps),
        conv1(with_bias(w["conv1"]), {.pad = 1}),
        conv2(with_bias(w["conv2"]), {.pad = 1}) {
    if (w.has("nin_shortcut.weight") || (conv1 && conv2 && conv1.in_channels() != conv2.out_channels()))
      shortcut = pointwise(w["nin_shortcut"]);
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor h = conv1(norm1(x, ops::Activation::kSilu));
    return conv2(norm2(h, ops::Activation::kSilu), {.residual = shortcut ? shortcut(x) : x});
  }
  bool fits() const {
    const int64_t in = in_channels(), middle = conv1.out_channels(), out = out_channels();
    return norm1.width() == in && norm2.width() == middle && conv2.in_channels() == middle && conv1.kernel() == 3 &&
           conv2.kernel() == 3 &&
           (shortcut ? shortcut.in_features() == in && shortcut.out_features() == out : in == out);
  }
  size_t bytes() const { return conv1.bytes() + conv2.bytes() + shortcut.bytes(); }
  int64_t in_channels() const { return conv1.in_channels(); }
  int64_t out_channels() const { return conv2.out_channels(); }

  nn::GroupNorm norm1, norm2;
  nn::Conv2d conv1, conv2;
  nn::Linear shortcut;
};

// q, k and v as one product; they are 1x1 convolutions, or matrices in files from the diffusers library.
nn::Linear joined_qkv(const nn::Weights& w) {
  std::vector<StoredTensor> weights;
  std::vector<Tensor> biases;
  for (const char* part : {"q", "k", "v"}) {
    const StoredTensor weight = w[part].get("weight");
    const StoredTensor bias = w[part].get("bias");
    if (!weight.defined() || !bias.defined()) continue;
    weights.push_back(weight.matrix());
    biases.push_back(clone(bias.decoded()));
    bias.drop_pages();
  }
  if (weights.size() < 3) return {};
  return nn::Linear(weights, ops::concat(biases, 0), w.compute(), w.packer());
}

// Keys: norm, q, k, v, proj_out. One head over all channels.
struct VaeAttention {
  explicit VaeAttention(const nn::Weights& w)
      : norm(w["norm"], kEps), qkv(joined_qkv(w)), out(pointwise(w["proj_out"])) {}
  Tensor operator()(const Tensor& x) const {
    const int64_t n = x.dim(0), tokens = x.dim(1) * x.dim(2), c = x.dim(3);
    const Tensor all = qkv(norm(x)).view({n, tokens, 3 * c});
    const Tensor h = ops::attention(all.slice(2, 0, c), all.slice(2, c, c), all.slice(2, 2 * c, c), 1);
    return out(h, {.residual = x.view({n, tokens, c})}).view(x.shape());
  }
  bool fits() const {
    const int64_t c = norm.width();
    return qkv.in_features() == c && qkv.out_features() == 3 * c && out.in_features() == c && out.out_features() == c;
  }
  size_t bytes() const { return qkv.bytes() + out.bytes(); }

  nn::GroupNorm norm;
  nn::Linear qkv, out;
};

// Keys: block_1, attn_1, block_2.
struct VaeMiddle {
  explicit VaeMiddle(const nn::Weights& w) : block1(w["block_1"]), block2(w["block_2"]), attention(w["attn_1"]) {}
  Tensor operator()(const Tensor& x) const { return block2(attention(block1(x))); }
  size_t bytes() const { return block1.bytes() + block2.bytes() + attention.bytes(); }

  VaeResBlock block1, block2;
  VaeAttention attention;
};

// One of down.N or up.N: blocks, then the change of size if there is one.
struct VaeLevel {
  VaeLevel(const nn::Weights& w, bool down, bool resizes) {
    const int64_t count = std::max<int64_t>(1, numbered_children(w["block"]));
    for (int64_t i = 0; i < count; ++i) blocks.emplace_back(w["block"][i]);
    // Below and right only: the original pads asymmetrically before its strided convolution.
    if (resizes && down)
      resize = nn::Conv2d(with_bias(w["downsample"]["conv"]), {.stride = 2, .pad = 0, .pad_after = 1});
    if (resizes && !down) resize = nn::Conv2d(with_bias(w["upsample"]["conv"]), {.pad = 1, .upsample2x = true});
  }
  size_t bytes() const {
    size_t total = resize.bytes();
    for (const VaeResBlock& b : blocks) total += b.bytes();
    return total;
  }
  // Channels of all maps that are in memory at once at this level's peak.
  int64_t width() const {
    int64_t widest = 0;
    for (const VaeResBlock& b : blocks) widest = std::max(widest, 2 * b.in_channels() + 2 * b.out_channels());
    return widest;
  }

  std::vector<VaeResBlock> blocks;
  nn::Conv2d resize;
};

class KlAutoencoder : public Autoencoder {
 public:
  explicit KlAutoencoder(const nn::Weights& w)
      : Autoencoder(read_vae_config(w), w),
        encoder_in(conv_f32(w["encoder"]["conv_in"])),
        decoder_in(conv_f32(w["decoder"]["conv_in"])),
        encoder_middle(w["encoder"]["mid"]),
        decoder_middle(w["decoder"]["mid"]),
        encoder_norm(w["encoder"]["norm_out"], kEps),
        decoder_norm(w["decoder"]["norm_out"], kEps),
        encoder_out(with_bias(w["encoder"]["conv_out"]), {.pad = 1}),
        decoder_out(with_bias(w["decoder"]["conv_out"]), {.pad = 1}) {
    const int64_t levels = std::max(numbered_children(w["encoder"]["down"]), numbered_children(w["decoder"]["up"]));
    for (int64_t i = 0; i < levels; ++i) {
      down.emplace_back(w["encoder"]["down"][i], true, i + 1 < levels);
      up.emplace_back(w["decoder"]["up"][i], false, i > 0);
    }
    if (config().quantised) {
      quant = pointwise_f32(w["quant_conv"]);
      post_quant = pointwise_f32(w["post_quant_conv"]);
    }
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

  Tensor encode(const Tensor& pixels) const override {
    Tensor h = convert(encoder_in(pixels.to(device())), compute());
    for (const VaeLevel& level : down) {
      for (const VaeResBlock& block : level.blocks) h = block(h);
      if (level.resize) h = level.resize(h);
      trim_pool();
    }
    h = encoder_norm(encoder_middle(h), ops::Activation::kSilu);
    h = encoder_out(h, {.f32_out = true});
    if (quant) h = quant(h);
    return contiguous(h.slice(3, 0, config().latent_channels));
  }

  Tensor decode(const Tensor& given) const override {
    const Tensor latent = given.to(device());
    Tensor h = convert(decoder_in(post_quant ? post_quant(latent) : latent), compute());
    h = decoder_middle(h);
    for (size_t i = up.size(); i-- > 0;) {
      for (const VaeResBlock& block : up[i].blocks) h = block(h);
      if (up[i].resize) h = up[i].resize(h, {.upsample2x = true});
      // The sizes of the previous level's maps do not occur again, so their memory is returned.
      trim_pool();
    }
    return decoder_out(decoder_norm(h, ops::Activation::kSilu), {.f32_out = true});
  }

  double encode_bytes_per_pixel() const override { return bytes_per_pixel(down); }
  double decode_bytes_per_pixel() const override { return bytes_per_pixel(up); }
  size_t bytes() const override {
    size_t total = encoder_in.bytes() + decoder_in.bytes() + encoder_middle.bytes() + decoder_middle.bytes() +
                   encoder_out.bytes() + decoder_out.bytes() + quant.bytes() + post_quant.bytes();
    for (const VaeLevel& level : down) total += level.bytes();
    for (const VaeLevel& level : up) total += level.bytes();
    return total;
  }

 private:
  static nn::Linear pointwise_f32(const nn::Weights& w) {
    const StoredTensor weight = w.get("weight"), bias = w.get("bias");
    return nn::Linear(weight.defined() ? weight.matrix() : weight, bias, DType::kF32, w.packer());
  }

  void check_widths(const nn::Weights& w) const {
    int64_t channels = encoder_in.out_channels();
    const auto follow = [&](int64_t in, int64_t out, const std::string& where) {
      if (in != channels || out % 32 != 0)
        throw Error(Fault::kBadFile, "the tensors of '" + w.full(where) + "*' are for " + std::to_string(in) +
                                         " channels, but the block before gives " + std::to_string(channels))
            .in_file(w.file());
      channels = out;
    };
    const auto require = [&](bool fits, const std::string& where) {
      if (!fits)
        throw Error(Fault::kBadFile, "the shapes of the tensors '" + w.full(where) + "*' do not fit one another")
            .in_file(w.file());
    };
    const auto follow_block = [&](const VaeResBlock& b, const std::string& where) {
      require(b.fits(), where);
      follow(b.in_channels(), b.out_channels(), where);
    };
    const auto follow_middle = [&](const VaeMiddle& m, const std::string& where) {
      follow_block(m.block1, where);
      require(m.attention.fits(), where);
      follow(m.attention.norm.width(), m.attention.norm.width(), where);
      follow_block(m.block2, where);
    };
    const auto follow_level = [&](const VaeLevel& level, const std::string& where) {
      for (const VaeResBlock& b : level.blocks) follow_block(b, where);
      if (!level.resize) return;
      require(level.resize.kernel() == 3, where);
      follow(level.resize.in_channels(), level.resize.out_channels(), where);
    };
    const auto check_ends = [&](const nn::Conv2d& in, const nn::GroupNorm& norm, const nn::Conv2d& out,
                                const char* where) {
      require(in.kernel() == 3 && out.kernel() == 3 && norm.width() == channels && out.in_channels() == channels,
              where);
    };
    for (size_t i = 0; i < down.size(); ++i) follow_level(down[i], "encoder.down." + std::to_string(i) + ".");
    follow_middle(encoder_middle, "encoder.mid.");
    check_ends(encoder_in, encoder_norm, encoder_out, "encoder.");
    channels = decoder_in.out_channels();
    follow_middle(decoder_middle, "decoder.mid.");
    for (size_t i = up.size(); i-- > 0;) follow_level(up[i], "decoder.up." + std::to_string(i) + ".");
    check_ends(decoder_in, decoder_norm, decoder_out, "decoder.");
    require(encoder_in.in_channels() == 3 && decoder_out.out_channels() == 3, "");
    const int64_t mean = config().latent_channels;
    if (config().quantised)
      require(quant.in_features() == encoder_out.out_channels() && quant.out_features() == 2 * mean &&
                  post_quant.in_features() == mean && post_quant.out_features() == decoder_in.in_channels(),
              "");
    else require(encoder_out.out_channels() == 2 * mean, "encoder.conv_out");
  }

  // Bytes per full-size pixel at the peak of the encoder or the decoder.
  double bytes_per_pixel(const std::vector<VaeLevel>& levels) const {
    double widest = 0, shrink = 1;
    for (const VaeLevel& level : levels) {
      // An enlarged map, its source and the result of the convolution are in memory at once.
      const double resize = level.resize ? 2.25 * static_cast<double>(level.resize.out_channels()) : 0;
      widest = std::max(widest, std::max(static_cast<double>(level.width()), resize) * shrink);
      shrink /= 4;
    }
    constexpr double kSmallerMaps = 1.1;  // the other maps at the peak; tests compare the estimate with what is used
    return widest * static_cast<double>(dtype_size(compute())) * kSmallerMaps;
  }

  nn::Conv2d encoder_in, decoder_in;
  VaeMiddle encoder_middle, decoder_middle;
  nn::GroupNorm encoder_norm, decoder_norm;
  nn::Conv2d encoder_out, decoder_out;
  std::vector<VaeLevel> down, up;
  nn::Linear quant, post_quant;
};

}  // namespace

std::unique_ptr<const Autoencoder> make_kl_autoencoder(const nn::Weights& w) {
  return std::make_unique<const KlAutoencoder>(w);
}

}  // namespace easel::models
