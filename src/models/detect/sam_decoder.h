// Segment Anything's decoder: places and a picture look at each other, and masks come of it.
#pragma once

#include <array>
#include <vector>

#include "models/detect/sam.h"
#include "nn/layers.h"

namespace easel::models {

// Attention in a narrower space; queries, keys and values are rows of one width.
class SamAttention {
 public:
  SamAttention() = default;
  SamAttention(const nn::Weights& w, int64_t width, int64_t inner);
  Tensor operator()(const Tensor& q, const Tensor& k, const Tensor& v) const;
  size_t bytes() const { return q_.bytes() + k_.bytes() + v_.bytes() + out_.bytes(); }

 private:
  nn::Linear q_, k_, v_, out_;
};

// Products one after another, rectified between them.
class SamChain {
 public:
  SamChain() = default;
  SamChain(const nn::Weights& w, const std::vector<int64_t>& widths);
  Tensor operator()(Tensor x) const;
  size_t bytes() const;

 private:
  std::vector<nn::Linear> layers_;
};

// A map of twice the sides: each pixel becomes four.
class SamEnlargement {
 public:
  SamEnlargement() = default;
  SamEnlargement(const nn::Weights& w, int64_t in, int64_t out);
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const { return product_.bytes(); }

 private:
  nn::Linear product_;
  Tensor bias_;
};

class SamDecoder {
 public:
  SamDecoder() = default;
  // `prompts` is the scope of the prompts' encoder, `w` that of the decoder; `side` the cells of the encoded picture.
  SamDecoder(const nn::Weights& w, const nn::Weights& prompts, int64_t width, int64_t side);
  SamMasks operator()(const Tensor& encoded, const std::vector<image::SegmentPlace>& places) const;
  size_t bytes() const;

 private:
  static constexpr size_t kMasks = 4;  // the first one is for places that are clear
  struct Layer {
    SamAttention self, to_picture, to_places;
    nn::LayerNorm after_self, after_picture, after_network, after_places;
    nn::Linear first, second;
  };

  int64_t width_ = 0, side_ = 0;
  std::vector<float> matrix_;  // of the codes of places
  Tensor cells_;               // their codes for the encoded picture, [1,side side,width]
  Tensor nothing_;             // what stands for no mask, [1,1,width]
  Tensor tokens_;              // of the quality and the masks, [1,5,width]
  std::vector<Tensor> roles_;  // what a place stands for, [1,1,width] each
  std::vector<Layer> layers_;
  SamAttention last_;
  nn::LayerNorm last_norm_, enlarged_norm_;
  SamEnlargement enlarge_, enlarge_more_;
  std::array<SamChain, kMasks> masks_;
  SamChain quality_;
};

}  // namespace easel::models
