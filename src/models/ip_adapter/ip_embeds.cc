#include "models/ip_adapter/ip_embeds.h"

#include <cmath>
#include <utility>
#include <vector>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

// Maps [tiles^2,s*s,C], row after row of tiles, joined and averaged to one of s x s places, [1,s*s,C].
Tensor joined(const Tensor& maps, int64_t tiles, int64_t side) {
  const int64_t c = maps.dim(2);
  const Tensor whole =
      contiguous(maps.view({tiles, tiles, side, side, c}).permute({0, 2, 1, 3, 4})).view({side, tiles, side, tiles, c});
  const Tensor cells = contiguous(whole.permute({0, 2, 1, 3, 4})).view({side * side, tiles * tiles, c});
  return ops::reduce(cells, ops::Reduction::kMean, 1, 1).view({1, side * side, c});
}

// What the tiles of one image say together, of the shape of what the image says.
Tensor joined_tiles(const Tensor& encoded, bool hidden_states, int64_t tiles, const std::string& file) {
  const auto side_of = [](int64_t places) { return static_cast<int64_t>(std::sqrt(static_cast<double>(places))); };
  if (hidden_states) {
    const int64_t places = encoded.dim(1) - 1;
    const Tensor of_class = ops::reduce(contiguous(encoded.slice(1, 0, 1)), ops::Reduction::kMean, 0, 0);
    return ops::concat({of_class, joined(contiguous(encoded.slice(1, 1, places)), tiles, side_of(places))}, 1);
  }
  const int64_t width = encoded.dim(1), side = side_of(width);
  if (side * side != width)
    throw Error(Fault::kUnsupported, "image embeds of width " + std::to_string(width) +
                                         " are not put together of tiles: the width is no square")
        .in_file(file)
        .fix("Use an adapter that reads hidden states (plus), or the encoder ViT-H");
  return joined(encoded.view({tiles * tiles, width, 1}), tiles, side).view({1, width});
}

}  // namespace

Tensor ip_encode_images(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, const Tensor& mask) {
  const ClipVisionOutput out =
      mask.defined() ? encode_masked_images(vision, images, mask) : encode_images(vision, images);
  return hidden_states ? out.penultimate_hidden_states : out.image_embeds;
}

IpEmbeds ip_embeds(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, const Tensor& negative,
                   const Tensor& mask) {
  return ip_embeds_of(vision, ip_encode_images(vision, images, hidden_states, mask), hidden_states, negative);
}

IpEmbeds ip_embeds_of(const ClipVisionHandle& vision, Tensor cond, bool hidden_states, const Tensor& negative) {
  IpEmbeds out;
  out.cond = std::move(cond);
  if (negative.defined()) {
    out.uncond = ip_encode_images(vision, negative, hidden_states);
  } else if (hidden_states) {
    const Tensor black = Tensor::zeros({1, vision.image_size, vision.image_size, 3});
    out.uncond = ip_encode_images(vision, black, hidden_states);
  } else {
    out.uncond = Tensor::zeros(out.cond.shape());
  }
  const int64_t wanted = out.cond.dim(0), given = out.uncond.dim(0);
  if (given > wanted) out.uncond = contiguous(out.uncond.slice(0, 0, wanted));
  if (given < wanted)
    out.uncond = ops::concat({out.uncond, ops::repeat(out.uncond.slice(0, given - 1, 1), wanted - given)}, 0);
  return out;
}

IpCombine ip_combine(std::string_view name) {
  if (name == "concat") return IpCombine::kConcat;
  if (name == "add") return IpCombine::kAdd;
  if (name == "subtract") return IpCombine::kSubtract;
  if (name == "average") return IpCombine::kAverage;
  if (name == "norm average") return IpCombine::kNormAverage;
  if (name == "max") return IpCombine::kMax;
  if (name == "min") return IpCombine::kMin;
  throw Error(Fault::kInvalid, "'" + std::string(name) + "' is no way to combine image embeds");
}

Tensor ip_encode_with_tiles(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, int64_t tiles,
                            double ratio) {
  const int64_t height = images.dim(1) / tiles, width = images.dim(2) / tiles;
  if (height < 1 || width < 1)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(images.dim(2)) + " x " +
                                     std::to_string(images.dim(1)) + " pixels cannot be cut into " +
                                     std::to_string(tiles) + " x " + std::to_string(tiles) + " tiles");
  const Tensor whole = ip_encode_images(vision, images, hidden_states);
  std::vector<Tensor> together;
  for (int64_t n = 0; n < images.dim(0); ++n) {
    std::vector<Tensor> parts;
    for (int64_t y = 0; y < tiles; ++y)
      for (int64_t x = 0; x < tiles; ++x)
        parts.push_back(contiguous(images.slice(0, n, 1).slice(1, y * height, height).slice(2, x * width, width)));
    together.push_back(joined_tiles(ip_encode_images(vision, ops::concat(parts, 0), hidden_states), hidden_states,
                                    tiles, vision.file));
  }
  const Tensor of_tiles = ops::concat(together, 0), weighed = ops::affine(whole, static_cast<float>(ratio));
  return images.dim(0) > 1 ? ops::add(weighed, of_tiles, static_cast<float>(1 - ratio))
                           : ops::concat({weighed, of_tiles}, 0);
}

Tensor combine_embeds(const Tensor& embeds, IpCombine how) {
  const int64_t n = embeds.dim(0);
  if (how == IpCombine::kConcat || n == 1) return embeds;
  const Tensor x = contiguous(convert(embeds, DType::kF32));
  Tensor sum = ops::reduce(x, ops::Reduction::kSum, 0, 0);
  const auto count = static_cast<float>(n);
  switch (how) {
    case IpCombine::kConcat: break;
    case IpCombine::kAdd: return sum;
    case IpCombine::kSubtract:
      return ops::map([=](auto first, auto all) { return first - (all - first) / (count - 1); }, x.slice(0, 0, 1), sum);
    case IpCombine::kAverage: return ops::reduce(x, ops::Reduction::kMean, 0, 0);
    case IpCombine::kNormAverage: {
      const Tensor squares = ops::reduce(ops::mul(x, x), ops::Reduction::kSum, 0, 0);
      return ops::map([=](auto all, auto square) { return select(square > 0, all / sqrt(square) / count, 0); }, sum,
                      squares);
    }
    case IpCombine::kMax: return ops::reduce(x, ops::Reduction::kMax, 0, 0);
    case IpCombine::kMin: return ops::reduce(x, ops::Reduction::kMin, 0, 0);
  }
  return embeds;
}

IpTokens ip_tokens(const IpAdapterHandle& adapter, const IpEmbeds& embeds, IpCombine how, const Tensor& composition) {
  const auto model = adapter.model->get();
  const bool one = how != IpCombine::kConcat && embeds.cond.dim(0) > 1;
  IpTokens out;
  out.cond = model->tokens(combine_embeds(embeds.cond, how));
  out.uncond = model->tokens(one ? contiguous(embeds.uncond.slice(0, 0, 1)) : embeds.uncond);
  if (composition.defined()) out.composition = model->tokens(one ? combine_embeds(composition, how) : composition);
  return out;
}

}  // namespace easel::models
