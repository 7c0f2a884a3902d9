// What the nodes of comfyui_controlnet_aux share: each picture of a batch by itself, at a resolution.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/hints/hints.h"
#include "node_api/node.h"
#include "nodes/common/foreseen_sizes.h"

namespace easel::nodes {

template <class P>
Input<P> resolution_input(int64_t P::*member) {
  return Int("resolution", member)
      .range(64, 16384)
      .step(64)
      .useful(256, 1024, 64)
      .optional()
      .tip("Of the shorter side; the hint is made at this size.");
}

// An input that is "enable" or "disable", the first of which stands first in the list.
template <class P>
Input<P> switched(const char* name, bool P::*member, bool on_first) {
  return on_first ? Choice(name, member, {{"enable", true}, {"disable", false}}).optional()
                  : Choice(name, member, {{"disable", false}, {"enable", true}}).optional();
}

// Picture n of a batch in bytes. Throws Error(kInvalid) if it has not three channels.
inline image::BytePicture hint_source(const Tensor& pictures, int64_t n) {
  image::BytePicture out = image::byte_picture(pictures, n);
  if (out.channels != 3)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(out.channels) + " channels where three are needed")
        .at_input("image");
  return out;
}

// What `hint` makes of each picture.
template <class F>
Tensor each_picture(const Tensor& pictures, Call& call, const F& hint) {
  std::vector<image::BytePicture> out;
  for (int64_t n = 0; n < pictures.dim(0); ++n) {
    call.check_cancelled();
    out.push_back(hint(hint_source(pictures, n)));
    call.part_done(static_cast<int>(n) + 1, static_cast<int>(pictures.dim(0)));
  }
  return image::picture_of(out);
}

// The same for hints that get the picture at the resolution, its sides brought to multiples of 64; what was added for
// that is gone from the result.
template <class F>
Tensor preprocessed(const Tensor& pictures, int64_t resolution, image::ByteFilter when_growing, Call& call,
                    const F& hint) {
  return each_picture(pictures, call, [&](const image::BytePicture& picture) {
    const image::PaddedHint padded = image::padded_hint(picture, resolution, when_growing);
    return image::unpadded(hint(padded.picture), padded.size);
  });
}

// What `size_for` makes of the pictures' size, in three channels.
template <class F>
std::optional<ForeseenPicture> foreseen_in(const ForeseenPicture* pictures, const F& size_for) {
  if (!pictures || pictures->width < 1 || pictures->height < 1) return std::nullopt;
  ForeseenPicture out = in_size(*pictures, size_for(size_of(*pictures)));
  out.channels = 3;
  return out;
}

// The size of what preprocessed() gives.
inline std::optional<ForeseenPicture> foreseen_hint(const ForeseenPicture* pictures, int64_t resolution) {
  return foreseen_in(pictures, [&](image::Size size) { return image::hint_size(size, resolution); });
}

// For nodes that give nothing else.
inline Foreseen<Image> foresee_hint(const ForeseenPicture* pictures, int64_t resolution) {
  return {foreseen_hint(pictures, resolution)};
}

}  // namespace easel::nodes
