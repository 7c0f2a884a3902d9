// Networks that steer a UNet with a picture: ControlNets and T2I-Adapters.
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

// What a control network makes of its picture, once per run and latent size.
struct PreparedHint {
  Tensor guided;           // ControlNet: the embedded picture [n,h,w,C] f32
  ControlResiduals fixed;  // T2I-Adapter: everything it will ever add, for n rows
  Tensor kind;             // added to the time embedding of networks for several kinds of hints, [1,W] f32
};

struct ControlInputs {
  Tensor x;                      // [N,h,w,C] f32, what the UNet gets, without the channels of inpainting models
  std::vector<float> timesteps;  // N values
  ContextProjectionPtr context;  // of N rows, made by this network's project(); T2I-Adapters take none
  Tensor y;                      // [N,adm] f32 where the UNet takes one; ignored by networks that do not
  int64_t chunks = 1;            // the batch is so many equal parts (conditional, unconditional), one picture each
};

// A ControlNet or a T2I-Adapter. Immutable.
class ControlNet {
 public:
  virtual ~ControlNet() = default;

  // hint: pictures [n,H,W,3] f32 in 0..1 of any size, brought to the size of the latent's picture as the reference does
  // (cut at the centre to its ratio, nearest neighbour).
  // `kind`: which of kHintKinds it is, for networks that tell them apart.
  virtual PreparedHint prepare(const Tensor& hint, int64_t latent_height, int64_t latent_width,
                               int64_t kind = kAnyHint) const = 0;
  // Projections of a context [N,T,context_dim] for forward(); nullptr for networks that do not look at the text.
  // Throws Error(kMismatch) for another width.
  virtual ContextProjectionPtr project(const Tensor& context) const = 0;
  // What to add to the UNet, at strength 1. Pictures repeat over the rows of each chunk.
  virtual ControlResiduals forward(const PreparedHint& hint, const ControlInputs& in) const = 0;
  virtual size_t bytes() const = 0;
};

// What was made of n pictures, for the rows of a batch: row i of N takes picture (i mod N/chunks) mod n. A single
// picture's is returned as it is, to be broadcast.
Tensor hint_rows(const Tensor& per_picture, const ControlInputs& in);

// The residuals of one link of a chain: `own` times strength (0 adds nothing at all), plus those of the links before,
// aligned as in the reference (comfy.controlnet.control_merge).
ControlResiduals merge_control(ControlResiduals own, float strength, const ControlResiduals* previous);

// A ControlNet in the original layout (with or without the prefix control_model.) or the diffusers library's, or a
// T2I-Adapter (full, light, SDXL; either layout); told apart by its keys, but for "shuffle" in the file's name, which
// alone says that a ControlNet gives averages. Nothing is packed yet. Throws Error(kBadFile) for incomplete files,
// Error(kUnsupported) for files of other kinds, with what they seem to be.
ControlNetHandle load_controlnet(const formats::ModelFile& file, memory::Residency& residency, DType compute);

// A ControlNet of tensors named as control_tensors() gives them. Throws Error(kBadFile).
std::shared_ptr<const ControlNet> make_controlnet(const nn::Weights& w, bool average = false);

// Checks that `w` (names as control_tensors() gives them) has every tensor of a network of `kind`, without packing
// any. Throws Error(kBadFile).
void check_control_net(const nn::Weights& w, ControlKind kind);

// Why the two do not go together, with both files, both numbers and what would fit: an Error(kMismatch), or nothing
// when they do.
std::optional<Error> control_mismatch(const ControlNetHandle& control, const ModelHandle& model);

}  // namespace easel::models
