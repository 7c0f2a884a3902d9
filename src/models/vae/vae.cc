#include "models/vae/vae.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/vae/autoencoder.h"
#include "models/vae/tiles.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kColours = 3;

// x * scale + shift, clamped to 0..1 if `clamp`.
Tensor to_range(const Tensor& x, float scale, float shift, bool clamp) {
  return ops::map(
      [=](auto v) {
        const auto moved = (v + shift) * scale;
        return clamp ? ops::clamp(moved, 0, 1) : moved;
      },
      x);
}

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

std::unique_ptr<const Autoencoder> make_autoencoder(const nn::Weights& w) {
  return is_tiny_autoencoder(w) ? make_tiny_autoencoder(w) : make_kl_autoencoder(w);
}

void require_encoder(const VaeConfig& config) {
  if (!config.encodes)
    throw Error(Fault::kMismatch, "this VAE has no encoder, so it turns latents into pictures only")
        .fix("Put the file of its encoder (taesd_encoder, taesdxl_encoder) beside it, or use another VAE");
}

}  // namespace

VaeConfig read_vae_config(const nn::Weights& w) {
  if (is_tiny_autoencoder(w)) return read_tiny_config(w);
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

Vae::Vae(const nn::Weights& w) : net_(from_file(w, [&] { return make_autoencoder(w); })) {}
Vae::~Vae() = default;

void Vae::check(const nn::Weights& w) { make_autoencoder(w.probing() ? w : w.probe()); }

const VaeConfig& Vae::config() const { return net_->config(); }

size_t Vae::decode_memory_estimate(int64_t height, int64_t width) const {
  const int64_t pixels = height * width * net_->config().downscale * net_->config().downscale;
  return static_cast<size_t>(static_cast<double>(pixels) * (net_->decode_bytes_per_pixel() + 24));
}

size_t Vae::encode_memory_estimate(int64_t height, int64_t width) const {
  return static_cast<size_t>(static_cast<double>(height * width) * (net_->encode_bytes_per_pixel() + 24));
}

Tensor Vae::encode(const Tensor& all, const VaeRun& run) const {
  const Autoencoder& m = *net_;
  require_encoder(m.config());
  const Tensor pixels = crop(all.slice(3, 0, m.config().image_channels), m.config().downscale);
  const auto one = [&](const Tensor& x) { return m.encode(to_range(contiguous(x), 2.0f, -0.5f, false)); };
  const int total = static_cast<int>(pixels.dim(0));
  if (run.memory_budget > 0 && encode_memory_estimate(pixels.dim(1), pixels.dim(2)) > run.memory_budget) {
    const int64_t tile =
        fitting_tile(run.memory_budget, kSmallestTile, [&](int64_t t) { return encode_memory_estimate(t, t); });
    const Tiling tiling{tile, tile, 64, 1.0 / static_cast<double>(m.config().downscale), m.config().latent_channels};
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
  const Autoencoder& m = *net_;
  check_latent(given, m.config().latent_channels);
  const Tensor latent = convert(given, DType::kF32);
  const int total = static_cast<int>(latent.dim(0));
  const auto one = [&](const Tensor& z) { return m.decode(contiguous(z)); };
  if (run.memory_budget > 0 && decode_memory_estimate(latent.dim(1), latent.dim(2)) > run.memory_budget) {
    const int64_t tile = fitting_tile(run.memory_budget, kSmallestTile / m.config().downscale,
                                      [&](int64_t t) { return decode_memory_estimate(t, t); });
    const Tiling tiling{tile, tile, 16, static_cast<double>(m.config().downscale), kColours};
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
  const Autoencoder& m = *net_;
  require_encoder(m.config());
  if (tile % (2 * m.config().downscale) != 0)
    throw Error(Fault::kInvalid, "a tile of " + std::to_string(tile) + " pixels is no multiple of " +
                                     std::to_string(2 * m.config().downscale));
  const Tensor pixels = crop(all.slice(3, 0, m.config().image_channels), m.config().downscale);
  const Tiling tiling{tile, tile, overlap, 1.0 / static_cast<double>(m.config().downscale), m.config().latent_channels};
  return three_passes(pixels, tiling, run, /*square_first=*/true,
                      [&](const Tensor& x) { return m.encode(to_range(x, 2.0f, -0.5f, false)); })
      .to(kHost);
}

Tensor Vae::decode_tiled(const Tensor& given, int64_t tile, int64_t overlap, const VaeRun& run) const {
  const Autoencoder& m = *net_;
  check_latent(given, m.config().latent_channels);
  const Tiling tiling{tile, tile, overlap, static_cast<double>(m.config().downscale), kColours};
  const Tensor out = three_passes(convert(given, DType::kF32), tiling, run, /*square_first=*/false,
                                  [&](const Tensor& z) { return m.decode(z); });
  return to_range(out, 0.5f, 1.0f, true).to(kHost);
}

size_t Vae::bytes() const { return net_->bytes(); }

}  // namespace easel::models
