// CLIP's vision transformer: ViT-L/14, ViT-H/14, ViT-bigG/14, of any width.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/lru.h"
#include "base/mutex.h"
#include "image/scale/clip_preprocess.h"
#include "models/handles.h"
#include "models/text/clip_encoder.h"
#include "nn/weights.h"
#include "tensor/fingerprint.h"

namespace easel::models {

struct ClipVisionConfig {
  int64_t width = 0, layers = 0, heads = 16;
  int64_t projection = 0;         // width of the image embeds
  int64_t second_projection = 0;  // of PhotoMaker's second ones, which stand behind the first; 0: there are none
  int64_t patch = 14, image_size = 224;
  ops::Activation activation = ops::Activation::kGelu;  // quick_gelu up to 30 layers (ViT-L), as in the reference
  int64_t embeds_width() const { return projection + second_projection; }
  // "ViT-L/14", "ViT-H/14", "ViT-bigG/14", for people.
  const char* name() const;
};

// Reads the configuration of a tower in canonical names (clip_keys.h, vision_tower_tensors). Throws Error(kBadFile),
// or Error(kUnsupported) for a depth that none of the three has.
ClipVisionConfig read_clip_vision_config(const nn::Weights& w);

// The most recent encodings, by a fingerprint of the pictures' values. Thread-safe.
class ClipVisionMemo {
 public:
  static Fingerprint key_of(const Tensor& images, image::ClipCrop crop);
  std::optional<ClipVisionOutput> find(const Fingerprint& key);
  void add(const Fingerprint& key, const ClipVisionOutput& output);

 private:
  static constexpr size_t kEntries = 8;
  Mutex mutex_;
  struct HashOfKey {
    size_t operator()(const Fingerprint& key) const { return key.low; }
  };
  Lru<Fingerprint, ClipVisionOutput, HashOfKey> entries_ EASEL_GUARDED_BY(mutex_){kEntries};
};

class ClipVisionModel {
 public:
  // `w` is the scope that holds vision_model and visual_projection. Throws Error(kBadFile).
  explicit ClipVisionModel(const nn::Weights& w);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [N,S,S,3] f32, normalised, S = image_size. All outputs are f32. The hidden states (after the last layer but
  // one, and after the last) are not normalised; the embeds are the normalised and projected class token.
  ClipVisionOutput encode(const Tensor& pixels) const;

  const ClipVisionConfig& config() const { return config_; }
  // The one that it was packed for.
  Device device() const { return positions_.device(); }
  size_t bytes() const;

 private:
  Tensor embed(const Tensor& pixels) const;
  ClipVisionOutput encode_one(const Tensor& pixels) const;

  ClipVisionConfig config_;
  Tensor class_row_, positions_;  // f32 [1,1,width], [1,tokens,width]
  nn::Linear patches_;            // f32 whatever the compute type, as in the reference
  nn::LayerNorm pre_norm_, post_norm_;
  ClipEncoder encoder_;
  nn::Linear projection_;
  DType compute_;
};

// A handle on the vision tower below `prefix` of a file's tensors: stand-alone (empty prefix, the text tower of a
// full CLIP file is ignored) or inside a checkpoint. Nothing is built yet.
// Throws Error(kUnsupported) naming the file when there is no such tower, Error(kBadFile) when it is damaged.
ClipVisionHandle load_clip_vision(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name, const std::string& prefix = {});
// The same for a tower at any of the known places in the file.
ClipVisionHandle find_clip_vision(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name);

// Images [N,H,W,3 or 4] f32 in 0..1, resized to the model's size as in the reference (by the short side, then
// centre-cropped; kNone: stretched), rounded to 8 bits, normalised, and encoded. The last few results are kept by the
// pictures' content, so that running a node again with another weight does not encode again.
ClipVisionOutput encode_images(const ClipVisionHandle& handle, const Tensor& images,
                               image::ClipCrop crop = image::ClipCrop::kCenter);
// The same, centre-cropped, for the part of the pictures that a mask [M,H,W] selects: the middle square of the first
// mask is scaled to the model's size and multiplied with the normalised pixels. The results are not kept.
ClipVisionOutput encode_masked_images(const ClipVisionHandle& handle, const Tensor& images, const Tensor& mask);

}  // namespace easel::models
