#include "models/vae/vae.h"

#include <algorithm>
#include <cmath>

#include "models/unet/unet_blocks.h"
#include "models/vae/tiles.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"

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

// x * scale + shift, clamped to 0..1 if `clamp`.
Tensor to_range(const Tensor& x, float scale, float shift, bool clamp) {
  return ops::map(
      [=](auto v) {
        const auto moved = (v + shift) * scale;
        return clamp ? ops::clamp(moved, 0, 1) : moved;
      },
      x);
}

}  // namespace

struct Vae::Impl {
  explicit Impl(const nn::Weights& w)
      : config(read_vae_config(w)),
        compute(w.compute()),
        device(w.packer().device()),
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
    if (config.quantised) {
      quant = pointwise_f32(w["quant_conv"]);
      post_quant = pointwise_f32(w["post_quant_conv"]);
    }
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

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
    const int64_t mean = config.latent_channels;
    if (config.quantised)
      require(quant.in_features() == encoder_out.out_channels() && quant.out_features() == 2 * mean &&
                  post_quant.in_features() == mean && post_quant.out_features() == decoder_in.in_channels(),
              "");
    else require(encoder_out.out_channels() == 2 * mean, "encoder.conv_out");
  }

  // [1,H,W,3] in -1..1 -> the mean [1,h,w,latent]. Like decode_one(), it returns a tensor on the model's device.
  Tensor encode_one(const Tensor& pixels) const {
    Tensor h = convert(encoder_in(pixels.to(device)), compute);
    for (const VaeLevel& level : down) {
      for (const VaeResBlock& block : level.blocks) h = block(h);
      if (level.resize) h = level.resize(h);
      trim_pool();
    }
    h = encoder_norm(encoder_middle(h), ops::Activation::kSilu);
    h = encoder_out(h, {.f32_out = true});
    if (quant) h = quant(h);
    return contiguous(h.slice(3, 0, config.latent_channels));
  }

  // [1,h,w,latent] -> [1,8h,8w,3], about -1..1.
  Tensor decode_one(const Tensor& given) const {
    const Tensor latent = given.to(device);
    Tensor h = convert(decoder_in(post_quant ? post_quant(latent) : latent), compute);
    h = decoder_middle(h);
    for (size_t i = up.size(); i-- > 0;) {
      for (const VaeResBlock& block : up[i].blocks) h = block(h);
      if (up[i].resize) h = up[i].resize(h, {.upsample2x = true});
      // The sizes of the previous level's maps do not occur again, so their memory is returned.
      trim_pool();
    }
    return decoder_out(decoder_norm(h, ops::Activation::kSilu), {.f32_out = true});
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
    return widest * static_cast<double>(dtype_size(compute)) * kSmallerMaps;
  }

  VaeConfig config;
  DType compute;
  Device device;
  nn::Conv2d encoder_in, decoder_in;
  VaeMiddle encoder_middle, decoder_middle;
  nn::GroupNorm encoder_norm, decoder_norm;
  nn::Conv2d encoder_out, decoder_out;
  std::vector<VaeLevel> down, up;
  nn::Linear quant, post_quant;
};

namespace {

Shape required(const nn::Weights& w, const std::string& name) {
  const auto shape = w.shape(name);
  if (!shape || shape->rank() != 4)
    throw Error(Fault::kBadFile, shape ? "tensor '" + w.full(name) + "' has shape " + shape->str()
                                       : "no VAE here: the tensor '" + w.full(name) + "' is missing")
        .in_file(w.file());
  return *shape;
}

// Centre-cropped to multiples of `step`; an odd pixel is cut from the far side, as in the reference.
Tensor crop(const Tensor& pixels, int64_t step) {
  const int64_t h = pixels.dim(1) / step * step, w = pixels.dim(2) / step * step;
  if (h == 0 || w == 0)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(pixels.dim(2)) + " x " +
                                     std::to_string(pixels.dim(1)) + " is too small to encode: each side needs " +
                                     std::to_string(step) + " pixels")
        .fix("Scale the picture up first");
  return pixels.slice(1, pixels.dim(1) % step / 2, h).slice(2, pixels.dim(2) % step / 2, w);
}

void check_latent(const Tensor& latent, int64_t channels) {
  if (latent.rank() != 4 || latent.dim(3) != channels)
    throw Error(Fault::kMismatch, "a latent of shape " + latent.shape().str() + " for a VAE of " +
                                      std::to_string(channels) + " latent channels")
        .fix("Use the VAE that belongs to the model's family");
}

// The largest tile that fits the budget, in steps of 8.
int64_t fitting_tile(size_t budget, int64_t smallest, const std::function<size_t(int64_t)>& estimate) {
  int64_t tile = smallest;
  while (estimate(tile + 8) <= budget && tile < 4096) tile += 8;
  return tile;
}

}  // namespace

VaeConfig read_vae_config(const nn::Weights& w) {
  VaeConfig config;
  config.latent_channels = required(w, "decoder.conv_in.weight")[1];
  config.image_channels = required(w, "encoder.conv_in.weight")[1];
  const int64_t levels = numbered_children(w["decoder"]["up"]);
  config.downscale = levels >= 1 && levels <= 8 ? int64_t{1} << (levels - 1) : 0;
  config.quantised = w.has("quant_conv.weight") || w.has("post_quant_conv.weight");
  if (config.quantised) config.latent_channels = required(w, "post_quant_conv.weight")[1];
  if (config.downscale == 0) throw Error(Fault::kBadFile, "no VAE here: 'decoder.up' is missing").in_file(w.file());
  return config;
}

Vae::Vae(const nn::Weights& w) : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
Vae::~Vae() = default;

void Vae::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

const VaeConfig& Vae::config() const { return impl_->config; }

size_t Vae::decode_memory_estimate(int64_t height, int64_t width) const {
  const int64_t pixels = height * width * impl_->config.downscale * impl_->config.downscale;
  return static_cast<size_t>(static_cast<double>(pixels) * (impl_->bytes_per_pixel(impl_->up) + 24));
}

size_t Vae::encode_memory_estimate(int64_t height, int64_t width) const {
  return static_cast<size_t>(static_cast<double>(height * width) * (impl_->bytes_per_pixel(impl_->down) + 24));
}

Tensor Vae::encode(const Tensor& all, const VaeRun& run) const {
  const Impl& m = *impl_;
  const Tensor pixels = crop(all.slice(3, 0, m.config.image_channels), m.config.downscale);
  const auto one = [&](const Tensor& x) { return m.encode_one(to_range(contiguous(x), 2.0f, -0.5f, false)); };
  const int total = static_cast<int>(pixels.dim(0));
  if (run.memory_budget > 0 && encode_memory_estimate(pixels.dim(1), pixels.dim(2)) > run.memory_budget) {
    const int64_t tile =
        fitting_tile(run.memory_budget, kSmallestTile, [&](int64_t t) { return encode_memory_estimate(t, t); });
    const Tiling tiling{tile, tile, 64, 1.0 / static_cast<double>(m.config.downscale), m.config.latent_channels};
    int done = 0;
    const int tiles = total * tile_count(tiling, pixels.dim(1), pixels.dim(2));
    const Tensor out = map_tiles(pixels, tiling, one, [&] {
      if (run.progress) run.progress(++done, tiles);
    });
    return out.to(kHost);
  }
  std::vector<Tensor> out;
  for (int64_t n = 0; n < pixels.dim(0); ++n) {
    out.push_back(one(pixels.slice(0, n, 1)).to(kHost));
    if (run.progress) run.progress(static_cast<int>(n) + 1, total);
  }
  return out.size() == 1 ? out[0] : ops::concat(out, 0);
}

Tensor Vae::decode(const Tensor& given, const VaeRun& run) const {
  const Impl& m = *impl_;
  check_latent(given, m.config.latent_channels);
  const Tensor latent = convert(given, DType::kF32);
  const int total = static_cast<int>(latent.dim(0));
  const auto one = [&](const Tensor& z) { return m.decode_one(contiguous(z)); };
  if (run.memory_budget > 0 && decode_memory_estimate(latent.dim(1), latent.dim(2)) > run.memory_budget) {
    const int64_t tile = fitting_tile(run.memory_budget, kSmallestTile / m.config.downscale,
                                      [&](int64_t t) { return decode_memory_estimate(t, t); });
    const Tiling tiling{tile, tile, 16, static_cast<double>(m.config.downscale), m.decoder_out.out_channels()};
    int done = 0;
    const int tiles = total * tile_count(tiling, latent.dim(1), latent.dim(2));
    return to_range(map_tiles(latent, tiling, one,
                              [&] {
                                if (run.progress) run.progress(++done, tiles);
                              }),
                    0.5f, 1.0f, true)
        .to(kHost);
  }
  std::vector<Tensor> out;
  for (int64_t n = 0; n < latent.dim(0); ++n) {
    out.push_back(to_range(one(latent.slice(0, n, 1)), 0.5f, 1.0f, true).to(kHost));
    if (run.progress) run.progress(static_cast<int>(n) + 1, total);
  }
  return out.size() == 1 ? out[0] : ops::concat(out, 0);
}

namespace {

// The mean over three ways of tiling: tall tiles, wide tiles, square tiles, summed in the order given.
Tensor three_passes(const Tensor& x, const Tiling& tiling, const VaeRun& run, bool square_first,
                    const std::function<Tensor(const Tensor&)>& fn) {
  Tiling tall = tiling, wide = tiling;
  tall.tile_width /= 2;
  tall.tile_height *= 2;
  wide.tile_width *= 2;
  wide.tile_height /= 2;
  const std::vector<Tiling> passes = square_first ? std::vector{tiling, wide, tall} : std::vector{tall, wide, tiling};
  if (tiling.overlap < 0 || tiling.tile_width / 2 <= tiling.overlap)
    throw Error(Fault::kInvalid, "tiles of " + std::to_string(tiling.tile_width) + " cannot overlap by " +
                                     std::to_string(tiling.overlap))
        .fix("Choose a tile of more than twice the overlap");
  int total = 0, done = 0;
  for (const Tiling& pass : passes) total += static_cast<int>(x.dim(0)) * tile_count(pass, x.dim(1), x.dim(2));
  Tensor sum;
  for (const Tiling& pass : passes) {
    const Tensor result = map_tiles(x, pass, fn, [&] {
      if (run.progress) run.progress(++done, total);
    });
    sum = sum.defined() ? ops::add(sum, result) : result;
  }
  ops::update(sum, [](auto v) { return v / 3; });
  return sum;
}

}  // namespace

Tensor Vae::encode_tiled(const Tensor& all, int64_t tile, int64_t overlap, const VaeRun& run) const {
  const Impl& m = *impl_;
  if (tile % (2 * m.config.downscale) != 0)
    throw Error(Fault::kInvalid, "a tile of " + std::to_string(tile) + " pixels is no multiple of " +
                                     std::to_string(2 * m.config.downscale));
  const Tensor pixels = crop(all.slice(3, 0, m.config.image_channels), m.config.downscale);
  const Tiling tiling{tile, tile, overlap, 1.0 / static_cast<double>(m.config.downscale), m.config.latent_channels};
  return three_passes(pixels, tiling, run, /*square_first=*/true,
                      [&](const Tensor& x) { return m.encode_one(to_range(x, 2.0f, -0.5f, false)); })
      .to(kHost);
}

Tensor Vae::decode_tiled(const Tensor& given, int64_t tile, int64_t overlap, const VaeRun& run) const {
  const Impl& m = *impl_;
  check_latent(given, m.config.latent_channels);
  const Tiling tiling{tile, tile, overlap, static_cast<double>(m.config.downscale), m.decoder_out.out_channels()};
  const Tensor out = three_passes(convert(given, DType::kF32), tiling, run, /*square_first=*/false,
                                  [&](const Tensor& z) { return m.decode_one(z); });
  return to_range(out, 0.5f, 1.0f, true).to(kHost);
}

size_t Vae::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.encoder_in.bytes() + m.decoder_in.bytes() + m.encoder_middle.bytes() + m.decoder_middle.bytes() +
                 m.encoder_out.bytes() + m.decoder_out.bytes() + m.quant.bytes() + m.post_quant.bytes();
  for (const VaeLevel& level : m.down) total += level.bytes();
  for (const VaeLevel& level : m.up) total += level.bytes();
  return total;
}

}  // namespace easel::models
