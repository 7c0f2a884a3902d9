// Conditioning prepared for one sampling run: areas in latent pixels, times as noise levels, and the tensors that the
// network takes beside the latent.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "models/network.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/tensor.h"

namespace easel::guidance {

// A rectangle in latent pixels. It may extend beyond the latent.
struct Region {
  int64_t height = 0, width = 0, y = 0, x = 0;
  bool operator==(const Region&) const = default;
  bool contains(const Region& o) const {
    return o.y >= y && o.x >= x && y + height >= o.y + o.height && x + width >= o.x + o.width;
  }
};

struct PreparedEntry {
  models::NetworkInputs inputs;
  float strength = 1.0f;
  std::optional<Region> region;
  Tensor mask;  // [n,h,w] of the latent's size, or undefined
  float mask_strength = 1.0f;
  std::optional<float> first_sigma, last_sigma;  // active while last_sigma <= sigma <= first_sigma
  models::ControlLinkPtr control;
  bool control_apply_to_uncond = true;
  std::shared_ptr<const models::GligenBoxes> gligen;
  std::shared_ptr<const models::HookGroup> hooks;
  bool is_default = false;  // its weights are what the others leave, whatever its own strength and mask

  bool active(float sigma) const {
    return !(first_sigma && sigma > *first_sigma) && !(last_sigma && sigma < *last_sigma);
  }
};

struct PreparedConditioning {
  std::vector<PreparedEntry> positive, negative, middle;
};

// Makes the network's inputs for an entry of the positive or of another list.
using MakeInputs = std::function<models::NetworkInputs(const models::ConditioningEntry& entry, bool negative)>;

// Resolves the lists for a latent [N,h,w,C], as ComfyUI's process_conds does: masks are scaled to the latent; for each
// area in a list, the others get an entry with the same area, made from their smallest entry that covers it; control
// of the positive list is shared with the others if it is meant for all, and GLIGEN's boxes are. make_inputs is called
// once for each entry, positive ones first (it may draw random numbers). The middle list, for guidance that has one, is
// treated like the negative one. Throws Error(kInvalid) for areas outside the latent and tensors that are not masks.
PreparedConditioning prepare_conditioning(const models::Conditioning& positive, const models::Conditioning& negative,
                                          const Shape& latent, const sampling::ModelSampling& sampling,
                                          const MakeInputs& make_inputs, const models::Conditioning& middle = {});

// The part of a region inside a latent of h x w; the whole latent if there is no region. Never empty for a prepared
// entry.
Region visible_region(const std::optional<Region>& region, int64_t h, int64_t w);

// The weight of an entry at each pixel of its visible region: strength times mask. Without a mask, the edges that lie
// inside the latent fade over eight pixels. [N,h,w] for a latent [N,...].
Tensor entry_weights(const PreparedEntry& entry, const Shape& latent);

}  // namespace easel::guidance
