// Sizes of pictures, masks and latents that follow from those of a node's inputs, for .foresee.
#pragma once

#include <algorithm>
#include <optional>

#include "image/scale/resize.h"
#include "models/latent_format.h"
#include "node_api/node.h"

namespace easel::nodes {

// The format of a latent, which says how many pixels make a latent pixel.
inline const models::LatentFormat& format_of(const Latent& latent) {
  return latent.format ? *latent.format : models::default_latents();
}

// The same size as what comes in at `member`: picture_like<Invert>(&Invert::image).
template <class P, class B>
auto picture_like(Linked<Image> B::*member) {
  return [member](const Known<P>& in) -> Foreseen<Image> { return {in(member)}; };
}
template <class P, class B>
auto mask_like(Linked<Mask> B::*member) {
  return [member](const Known<P>& in) -> Foreseen<Mask> { return {in(member)}; };
}
template <class P, class B>
auto latent_like(Linked<Latent> B::*member) {
  return [member](const Known<P>& in) -> Foreseen<Latent> { return {in(member)}; };
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
