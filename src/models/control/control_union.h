// The part of a union ControlNet, which takes several kinds of hints, that an ordinary one lacks.
#pragma once

#include "models/text/clip_encoder.h"
#include "nn/layers.h"

namespace easel::models {

// The kinds that the published networks distinguish, by number. A file has a row of task_embedding for each of its
// kinds.
constexpr const char* kHintKinds[] = {
    "openpose", "depth",  "hed/pidi/scribble/ted", "canny/lineart/anime_lineart/mlsd", "normal", "segment",
    "tile",     "repaint"};
constexpr int64_t kAnyHint = -1;  // unspecified

// "ControlNet++ / union" (xinsir 2024). Keys: task_embedding [kinds,C], union.layers.N (named as ClipEncoder reads
// them), spatial_ch_projs, control_add_embedding.linear_{1,2}.
class ControlUnion {
 public:
  ControlUnion() = default;
  // `features`: channels of the embedded picture; `embedding`: width of the time embedding. Throws Error(kBadFile).
  ControlUnion(const nn::Weights& w, int64_t features, int64_t embedding);

  explicit operator bool() const { return kinds_ > 0; }
  // Adds the embedding of the kind to an embedded picture [n,h,w,C] f32. 0 <= kind < kinds.
  Tensor mark(const Tensor& picture, int64_t kind) const;
  // The addend to the time embedding, [1,embedding] f32; kind may be kAnyHint.
  Tensor embedding(int64_t kind) const;
  size_t bytes() const;

 private:
  int64_t kinds_ = 0;
  Tensor tasks_;  // [kinds,C] f32
  ClipEncoder encoder_;
  nn::Linear channels_, kind_in_, kind_out_;
};

// The number of kinds of hints that a ControlNet distinguishes; 0 for ordinary ones. `w` as for make_controlnet().
int64_t count_hint_kinds(const nn::Weights& w);

}  // namespace easel::models
