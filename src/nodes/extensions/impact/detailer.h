// Impact-Pack's detailers (github.com/ltdrdata/ComfyUI-Impact-Pack): parts of a picture are enlarged, drawn anew, and
// put back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node_api/call.h"
#include "node_api/node.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/segs.h"

namespace easel::nodes {

// How parts are drawn; what all detailers take.
struct Drawing {
  double guide_size = 512, max_size = 1024;
  bool guide_size_for = true;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0, denoise = 0.5;
  std::string sampler_name, scheduler;
  int64_t feather = 5, cycle = 1;
  bool noise_mask = true, force_inpaint = true, inpaint_model = false;
  std::optional<int64_t> noise_mask_feather = 20;  // a prompt without it means 0
};

// The models and texts with which parts are drawn, and the text of their own.
struct Means {
  Value model, clip, vae, positive, negative;
  std::string wildcard;
};

struct Detailed {
  Tensor picture;  // [1,H,W,3]
  Segments parts;  // those that were not empty, with what was drawn of them
  // Pictures of the parts, the largest first: as they were, as they were drawn, and with what was put back as alpha.
  std::vector<Tensor> before, refined, refined_alpha;
};

// Throws Error(kInvalid) for steps that no schedule has.
void check_drawing(const Drawing& in);
// Throws Error(kInvalid) at the input `wildcard` for a text that asks for what is not there: choices, files of them,
// texts for one part after another or by label.
void check_detail_text(const std::string& wildcard);

// Draws the parts of one picture [1,H,W,3] anew, the first with that seed. Throws Error(kInvalid) for other pictures,
// Error(kMismatch) for parts of one of another size.
Detailed drawn_anew(const Drawing& in, const Tensor& picture, const Segments& parts, uint64_t seed, Means means,
                    Call& call);

// A black picture, which stands for none.
Value no_picture();
// What a list of pictures gives: they themselves, or one that stands for none.
std::vector<Value> pictures_or_none(std::vector<Tensor> all);

// The inputs of a Drawing, in the pieces between which the nodes have inputs of their own.
template <class P>
Inputs<P> with_sampling(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Float("guide_size", &Drawing::guide_size)
           .range(64.0, static_cast<double>(kMaxSide))
           .step(8.0)
           .tip("Parts are enlarged until their shorter side has so many pixels."),
       Bool("guide_size_for", &Drawing::guide_size_for)
           .tip("On: the shorter side of the part itself; off: of the part with its surroundings."),
       Float("max_size", &Drawing::max_size)
           .range(64.0, static_cast<double>(kMaxSide))
           .step(8.0)
           .tip("No side is enlarged beyond it."),
       Seed("seed", &Drawing::seed), Int("steps", &Drawing::steps).range(1, 10000).step(1),
       Float("cfg", &Drawing::cfg).range(0.0, 100.0), Choice("sampler_name", &Drawing::sampler_name, sampler_choices()),
       Choice("scheduler", &Drawing::scheduler, scheduler_choices())});
}

template <class P>
Inputs<P> with_edges(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Float("denoise", &Drawing::denoise).range(0.0001, 1.0).step(0.01),
       Int("feather", &Drawing::feather).range(0, 100).step(1).tip("How softly what was drawn is put back."),
       Bool("noise_mask", &Drawing::noise_mask).tip("Draws only what the part selects, not its surroundings."),
       Bool("force_inpaint", &Drawing::force_inpaint).tip("Parts that are large enough are drawn as well.")});
}

template <class P>
Inputs<P> with_later(Inputs<P> inputs) {
  return std::move(inputs).and_then({Bool("inpaint_model", &Drawing::inpaint_model).optional(),
                                     Int("noise_mask_feather", &Drawing::noise_mask_feather)
                                         .range(0, 100)
                                         .step(1)
                                         .optional()
                                         .tip("How gradually the drawing fades out towards the surroundings.")});
}

template <class P>
Input<P> cycle_input() {
  return Int("cycle", &Drawing::cycle).range(1, 10).step(1).added_later().tip("How often each part is drawn.");
}
template <class P>
Input<P> wildcard_input(std::string P::*member) {
  return Text("wildcard", member)
      .multiline()
      .names_embeddings()
      .tip("A text that the parts show in place of `positive`, or with [CONCAT] before it, beside that.");
}

}  // namespace easel::nodes
