// Networks that steer a UNet by a picture: ControlNets and T2I-Adapters.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "formats/tensors/model_file.h"
#include "models/control/control_keys.h"
#include "models/control/control_union.h"
#include "models/handles.h"
#include "models/unet/unet.h"

namespace easel::models {

// A hint (the picture that steers) as a control network prepares it, once per run and latent size.
struct PreparedHint {
  Tensor guided;           // ControlNet: the embedded picture [n,h,w,C] f32
  ControlResiduals fixed;  // T2I-Adapter: its residuals, for n rows; the same in every step
  Tensor kind;             // added to the time embedding of networks for several kinds of hints, [1,W] f32
};

struct ControlInputs {
  Tensor x;                      // [N,h,w,C] f32, the UNet's input without the channels of inpainting models
  std::vector<float> timesteps;  // N values
  ContextProjectionPtr context;  // of N rows, from this network's project(); T2I-Adapters take none
  Tensor y;                      // [N,adm] f32 if the UNet takes one; networks that do not ignore it
  int64_t chunks = 1;            // number of equal parts of the batch (conditional, unconditional), one picture each
};

// A ControlNet or a T2I-Adapter. Immutable.
class ControlNet {
 public:
  virtual ~ControlNet() = default;

  // hint: pictures [n,H,W,3] f32 in 0..1 of any size, scaled to the size of the latent's picture as in the reference
  // (centre-cropped to its ratio, nearest neighbour). `kind`: an index of kHintKinds, for networks that distinguish
  // them.
  virtual PreparedHint prepare(const Tensor& hint, int64_t latent_height, int64_t latent_width,
                               int64_t kind = kAnyHint) const = 0;
  // Projections of a context [N,T,context_dim] for forward(); nullptr for networks that take no text.
  // Throws Error(kMismatch) for another width.
  virtual ContextProjectionPtr project(const Tensor& context) const = 0;
  // The residuals at strength 1. Pictures repeat over the rows of each chunk.
  virtual ControlResiduals forward(const PreparedHint& hint, const ControlInputs& in) const = 0;
  virtual size_t bytes() const = 0;
};

// Expands a tensor of n pictures to the rows of a batch: row i of N takes picture (i mod N/chunks) mod n. That of a
// single picture is returned unchanged, to be broadcast.
Tensor hint_rows(const Tensor& per_picture, const ControlInputs& in);

// The residuals of one link of a chain: `own` times strength (0 adds nothing at all), plus those of the links before,
// aligned as in the reference (comfy.controlnet.control_merge).
ControlResiduals merge_control(ControlResiduals own, float strength, const ControlResiduals* previous);

// A ControlNet in the original layout (with or without the prefix control_model.) or the diffusers library's, or a
// T2I-Adapter (full, light, SDXL; either layout), or a ControlLoRA, which gets its network by for_model(). The keys
// decide which; only whether a ControlNet averages its output is told from "shuffle" in the file's name. Nothing is
// packed yet. Throws Error(kBadFile) for incomplete files, Error(kUnsupported) for files of other kinds, saying what
// they seem to be. `base`: the model whose weights a file of differences is added to; other files do not need it, and
// Error(kInvalid) says so where one does.
ControlNetHandle load_controlnet(const formats::ModelFile& file, memory::Residency& residency, DType compute,
                                 const ModelHandle* base = nullptr);

// A ControlNet from tensors with the names of control_tensors(). Throws Error(kBadFile).
std::shared_ptr<const ControlNet> make_controlnet(const nn::Weights& w, bool average = false);

// Checks that `w` (with the names of control_tensors()) has every tensor of a network of `kind`, without packing any.
// Throws Error(kBadFile).
void check_control_net(const nn::Weights& w, ControlKind kind);

// An Error(kMismatch) that says why the two do not fit each other (both files, both numbers, and what would fit), or
// nullopt if they do.
std::optional<Error> control_mismatch(const ControlNetHandle& control, const ModelHandle& model);

}  // namespace easel::models
