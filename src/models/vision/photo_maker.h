// PhotoMaker: a person on a photograph becomes part of a word of the prompt.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "models/handles.h"
#include "models/text/text_encoder.h"
#include "models/vision/clip_vision.h"
#include "nn/weights.h"

namespace easel::models {

// Stands in the prompt behind the word that the person is put into.
constexpr std::string_view kPhotoMakerWord = "photomaker";

// Li et al. 2023, "PhotoMaker: Customizing Realistic Human Photos via Stacked ID Embedding", its first version.
class PhotoMaker {
 public:
  // `w` is the scope that holds vision_model, visual_projection, visual_projection_2 and fuse_module.
  // Throws Error(kBadFile).
  explicit PhotoMaker(const nn::Weights& w);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  // pixels [1,S,S,3] f32, normalised, S = image_size(); word [1,1,width()] f32, of the encoded prompt -> the word with
  // the person in it, of the same shape.
  Tensor fuse(const Tensor& pixels, const Tensor& word) const;

  int64_t width() const { return width_; }
  int64_t image_size() const { return vision_.config().image_size; }
  size_t bytes() const;

 private:
  struct Mlp {
    nn::LayerNorm norm;
    nn::Linear fc1, fc2;
  };
  static Mlp mlp(const nn::Weights& w, int64_t in, int64_t out);
  Tensor run(const Mlp& mlp, const Tensor& x, const Tensor& residual) const;

  ClipVisionModel vision_;
  int64_t width_ = 0;
  Mlp first_, second_;
  nn::LayerNorm norm_;
  DType compute_;
};

// PHOTOMAKER
struct PhotoMakerHandle {
  std::string file;
  int64_t width = 0, image_size = 224;
  std::shared_ptr<memory::Resident<PhotoMaker>> model;
};

// Whether a file's tensors are PhotoMaker's, of any version.
bool is_photo_maker(const StoredTensors& file);

// The width of the text that it fits, from names and shapes alone. Throws Error(kBadFile).
int64_t read_photo_maker_width(const StoredTensors& file, const std::string& file_name);

// Throws Error(kUnsupported) naming the file if it is not PhotoMaker's first version, Error(kBadFile) if it is damaged.
void check_photo_maker(const StoredTensors& file, const std::string& file_name);
// The same; nothing is built yet.
PhotoMakerHandle load_photo_maker(memory::Residency& residency, const StoredTensors& file, DType compute,
                                  const std::string& file_name);

// An Error(kMismatch) that says why it does not go with a text encoder, or nothing when all is well.
std::optional<Error> photo_maker_mismatch(const PhotoMakerHandle& net, const ClipHandle& clip);

// A prompt with a person in it: the trigger word is taken out, and the token before its place is changed by the first
// of the images [N,H,W,3]. A text without that word between single blanks is encoded as it is. As in ComfyUI's node, a
// token is looked for where its word is counted, as if every word before it was one token.
// Throws Error(kInvalid) if the text is longer than 75 tokens, Error(kMismatch) if the encoder's width is another one,
// and as require_one_encoding().
EncodedText encode_with_person(const PhotoMakerHandle& net, const ClipHandle& clip, const Tensor& images,
                               std::string_view text, std::vector<std::string>* warnings);

}  // namespace easel::models
