// Sizes of pictures, masks and latents that follow from those of a node's inputs, for .foresee.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "image/scale/resize.h"
#include "models/latent_format.h"
#include "node_api/node.h"

namespace easel::nodes {

// The format of a latent, which says how many pixels make a latent pixel.
inline const models::LatentFormat& format_of(const Latent& latent) {
  return latent.format ? *latent.format : models::default_latents();
}

// Latents of a format for `count` pictures of a size in pixels; what is less than a latent pixel is cut.
inline ForeseenLatent latents_for(const models::LatentFormat& format, int64_t count, image::Size pixels) {
  return {.count = count,
          .height = pixels.height / format.factor,
          .width = pixels.width / format.factor,
          .channels = format.channels,
          .factor = format.factor};
}

inline Shape shape_of(const ForeseenLatent& l) { return {l.count, l.height, l.width, l.channels}; }
inline Latent empty_latent(const ForeseenLatent& size) {
  Latent out;
  out.samples = Tensor::zeros(shape_of(size));
  return out;
}

// The same size as the picture, mask or latent that comes in at `member`: like<Invert>(&Invert::image).
template <class P, class B, class L>
auto like(Linked<L> B::*member) {
  return [member](const Known<P>& in) -> Foreseen<L> { return {in(member)}; };
}

inline image::Size size_of(const ForeseenPicture& p) { return {p.width, p.height}; }
inline image::Size size_of(const ForeseenLatent& l) { return {l.width, l.height}; }

// The same picture or latent in another size, and more or fewer of them.
inline ForeseenPicture in_size(ForeseenPicture p, image::Size size) {
  p.width = size.width;
  p.height = size.height;
  return p;
}
inline ForeseenLatent in_size(ForeseenLatent l, image::Size size) {
  l.width = size.width;
  l.height = size.height;
  return l;
}
template <class T>
T in_number(T known, int64_t count) {
  known.count = count;
  return known;
}
// How many of the `wanted` pixels or pictures there are from `first` on; the last one when that is behind the end.
inline int64_t part_of(int64_t whole, int64_t first, int64_t wanted) {
  return std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, whole - std::min(first, whole - 1)));
}

// Those pictures, masks or latents that come in at `inputs`, together, in the size of the first; nothing is known while
// one of them is not.
template <class L>
Foreseen<L> foresee_together(const Call& call, const std::vector<std::string>& inputs) {
  using One = typename LinkType<L>::Foreseen;
  std::optional<One> all;
  for (const std::string& input : inputs) {
    if (call.awaits(input)) return {};
    const Value* value = call.linked(input);
    if (!value) continue;
    const One* known = value->get<One>();
    if (!known) return {};
    all = all ? in_number(*all, all->count + known->count) : *known;
  }
  return {all};
}

// A mask for each picture, and a picture for each mask.
inline ForeseenMask mask_of(const ForeseenPicture& p) { return {p.width, p.height, p.count}; }
inline ForeseenPicture picture_of(const ForeseenMask& m) { return {m.width, m.height, m.count}; }
template <class P, class B>
auto mask_of_picture(Linked<Image> B::*member) {
  return [member](const Known<P>& in) -> Foreseen<Mask> {
    const ForeseenPicture* known = in(member);
    if (!known) return {};
    return {mask_of(*known)};
  };
}

}  // namespace easel::nodes
