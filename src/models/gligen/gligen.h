// GLIGEN: things in their places. Boxes with a text each become tokens that the picture attends to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/handles.h"
#include "models/unet/unet.h"
#include "nn/layers.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// The most boxes of one conditioning: the networks were trained with 30 places, those without a box included.
constexpr int64_t kMostBoxes = 30;

struct GligenConfig {
  int64_t text_width = 0;       // of a box's text: the pooled state of the text encoder, before any projection
  int64_t token_width = 0;      // of the tokens that boxes become
  std::vector<int64_t> widths;  // of the UNet's spatial transformers, in the order of execution
};

// A thing and its place, in latent pixels.
struct GligenBox {
  Tensor text;  // [1,text_width] f32
  int64_t height = 0, width = 0, y = 0, x = 0;
};

// What a conditioning entry holds of it; immutable.
struct GligenBoxes {
  GligenHandle net;
  std::vector<GligenBox> boxes;
};

// Li et al. 2023, "GLIGEN: Open-Set Grounded Text-to-Image Generation". A box's corners, as sines and cosines, and its
// text go through three layers to one token; in every transformer block of the UNet, between its two attentions, the
// picture's tokens attend to themselves and to those of the boxes, in parts that learned gates let through.
class Gligen {
 public:
  // `w` is the top of what gligen_tensors() gives. Throws Error(kBadFile).
  Gligen(const nn::Weights& w, const GligenConfig& config);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w, const GligenConfig& config);

  // The tokens of boxes on a latent of height x width: [1,kMostBoxes,token_width] f32, on the device that the model is
  // packed for. Places without a box hold what was learned for that. Throws Error(kMismatch) for texts of another
  // width.
  Tensor tokens(const std::vector<GligenBox>& boxes, int64_t height, int64_t width) const;
  // x [N,T,C] f32 of spatial transformer number `at`, with the attention to those tokens added.
  Tensor fuse(size_t at, const Tensor& x, const Tensor& tokens, int64_t heads) const;

  const GligenConfig& config() const { return config_; }
  size_t bytes() const;

 private:
  struct Fuser {
    nn::Linear from_token, qkv, out, ff_in, ff_out;
    nn::LayerNorm norm1, norm2;
    float attention_gate = 0, dense_gate = 0;  // tanh of what the file has
  };
  static Fuser fuser(const nn::Weights& w, int64_t token_width, int64_t width);

  GligenConfig config_;
  std::string file_;
  DType compute_;
  Device device_;
  nn::Linear in_, middle_, out_;
  Tensor no_text_, no_place_;  // [1,text_width], [1,*] f32
  std::vector<Fuser> fusers_;
};

// Whether a file's tensors are GLIGEN's.
bool is_gligen(const StoredTensors& file);

// The tensors under the names that Gligen reads: position_net.*, and fusers.N.* of the spatial transformers in the
// order of execution, from keys such as input_blocks.1.1.transformer_blocks.0.fuser.*, whatever stands before them.
// Throws Error(kUnsupported) naming the file if it is something else, Error(kBadFile) if it is damaged.
std::shared_ptr<const StoredTensors> gligen_tensors(const StoredTensors& file, const std::string& file_name);
// From names and shapes alone, of what gligen_tensors() gives. Throws Error(kBadFile).
GligenConfig read_gligen_config(const StoredTensors& tensors, const std::string& file_name);

// Nothing is built yet; throws as the two before.
GligenHandle load_gligen(memory::Residency& residency, const StoredTensors& file, DType compute,
                         const std::string& file_name);

// Why a file does not go with a diffusion model: an Error(kMismatch) that says what would fit; nothing when all is
// well.
std::optional<Error> gligen_mismatch(const GligenHandle& net, const ModelHandle& model);

// What the boxes do in the UNet, for latents, or parts of latents, of height x width pixels. It keeps GLIGEN's model in
// memory for as long as it lives.
AttentionHookPtr gligen_hook(const GligenBoxes& boxes, int64_t height, int64_t width);

}  // namespace easel::models
