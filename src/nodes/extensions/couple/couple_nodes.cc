// Attention couple (github.com/laksjdjf/attention-couple-ComfyUI): prompts with masks, each attended to in its place.
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "models/model_patch.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/attention.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::AttentionSite;
using models::Conditioning;
using models::ModelHandle;
using models::StepInfo;

struct Couple {
  Linked<ModelHandle> model;
  Linked<Conditioning> positive, negative;
  bool attention = true;
};

// A text, and how much of each place is its own.
struct Part {
  Tensor text;   // [1,T,context_dim]
  Tensor share;  // [1,H,W,1]; undefined: all of it
};

std::vector<Part> parts_of(const Conditioning& list, const char* input) {
  const auto refuse = [&](const std::string& what, const std::string& fix) {
    throw Error(Fault::kInvalid, what).at_input(input).fix(fix);
  };
  std::vector<Part> out;
  for (const models::ConditioningEntry& entry : list) {
    if (entry.cond.dim(0) != 1) refuse("a text must not be a batch of them", "Use one text for each mask");
    out.push_back({entry.cond, {}});
    if (list.size() == 1) return out;
    if (!entry.mask.defined())
      refuse("of several texts each needs a mask", "Mask them all with ConditioningSetMask, with the same size");
    const Tensor mask = image::as_picture(entry.mask);
    if (mask.dim(0) != 1 || (out.front().share.defined() && !(out.front().share.shape() == mask.shape())))
      refuse("the masks of the texts are of different sizes or numbers", "Bring them to one size");
    out.back().share = ops::affine(mask, entry.mask_strength);
  }
  if (out.empty()) refuse("there is no text", "Link a CLIPTextEncode");
  Tensor sum = out.front().share;
  for (size_t i = 1; i < out.size(); ++i) sum = ops::add(sum, out[i].share);
  if (ops::item(ops::reduce(sum, ops::Reduction::kMin, 0, -1)) <= 0)
    refuse("there are places that belong to no text", "Let the masks cover the whole picture");
  for (Part& part : out) part.share = ops::map([](auto mask, auto all) { return mask / all; }, part.share, sum);
  return out;
}

class CoupledAttention final : public models::AttentionHook {
 public:
  // `labelled`: the network takes a vector beside the text.
  CoupledAttention(std::vector<Part> positive, std::vector<Part> negative, bool labelled)
      : sides_{std::move(positive), std::move(negative)}, labelled_(labelled) {}

  Tensor replace_cross_attention(const models::ContextProjector& projector, const AttentionSite& site,
                                 const StepInfo& step, const Tensor& q, const Tensor&) const override {
    if (labelled_ && !replaced_in_labelled(site)) return Tensor();
    const auto chunks = static_cast<int64_t>(step.cond_or_uncond.size());
    const int64_t samples = q.dim(0) / chunks;
    std::vector<Tensor> rows;
    for (int64_t i = 0; i < chunks; ++i) {
      const auto side = static_cast<size_t>(step.cond_or_uncond[static_cast<size_t>(i)]);
      const Tensor queries = q.slice(0, i * samples, samples);
      Tensor sum;
      for (size_t k = 0; k < sides_[side].size(); ++k) {
        const auto text = projector.project(sides_[side][k].text);
        Tensor one = ops::attention(queries, text.key, text.value, site.heads);
        if (sides_[side][k].share.defined()) one = ops::mul(one, share(side, k, site, q));
        sum = sum.defined() ? ops::add(sum, one) : one;
      }
      rows.push_back(std::move(sum));
    }
    return rows.size() == 1 ? rows.front() : ops::concat(rows, 0);
  }

 private:
  // Where the original finds its way in networks that take a vector: it counts the blocks of the one of them that it
  // knows, and looks for the middle one under a number that no block has, so that the first text alone acts there.
  static bool replaced_in_labelled(const AttentionSite& site) {
    const int block = site.block_index;
    switch (site.block) {
      case models::BlockKind::kInput:
        return ((block == 4 || block == 5) && site.transformer < 2) ||
               ((block == 7 || block == 8) && site.transformer < 10);
      case models::BlockKind::kMiddle: return false;
      case models::BlockKind::kOutput: return block < 6 && site.transformer < (block < 3 ? 10 : 2);
    }
    return false;
  }

  // A text's share of each token, [1,T,1], of the type and on the device of `like`.
  Tensor share(size_t side, size_t k, const AttentionSite& site, const Tensor& like) const {
    const MutexLock lock(mutex_);
    Tensor& known = shares_[{side, k, site.height, site.width}];
    if (known.defined() && known.dtype() == like.dtype()) return known;
    const Tensor small = image::resize(sides_[side][k].share, {site.width, site.height}, image::ResizeMethod::kNearest);
    known = convert(contiguous(small).view({1, site.height * site.width, 1}), like.dtype()).to(like.device());
    return known;
  }

  std::vector<Part> sides_[2];
  bool labelled_;
  mutable Mutex mutex_;
  mutable std::map<std::tuple<size_t, size_t, int64_t, int64_t>, Tensor> shares_ EASEL_GUARDED_BY(mutex_);
};

// The first text stands for all of them, everywhere in the picture.
Conditioning first_of(const Conditioning& list) {
  Conditioning out{list.front()};
  if (list.size() > 1) {
    out.front().mask = {};
    out.front().mask_strength = 1.0f;
    out.front().set_area_to_bounds = false;
  }
  return out;
}

Results<ModelHandle, Conditioning, Conditioning> couple(const Couple& in) {
  if (!in.attention) return {in.model, in.positive, in.negative};
  const bool labelled = models::unet_of(*in.model, "Attention couple").config.adm_channels > 0;
  auto hook = std::make_shared<const CoupledAttention>(parts_of(*in.positive, "positive"),
                                                       parts_of(*in.negative, "negative"), labelled);
  return {models::with_patch(*in.model, models::attention_patch(std::move(hook))), first_of(*in.positive),
          first_of(*in.negative)};
}

}  // namespace

void register_couple_nodes(Table& table) {
  table.add(NodeOf<Couple>{.name = "Attention couple",
                           .display = "Load Attention couple",
                           .category = "loaders",
                           .description = "Lets each part of the picture attend to the text whose mask it lies in.",
                           .origin = "attention-couple",
                           .inputs = {Link("model", &Couple::model), Link("positive", &Couple::positive),
                                      Link("negative", &Couple::negative),
                                      Choice("mode", &Couple::attention, {{"Attention", true}, {"Latent", false}})
                                          .tip("Latent: everything is left as it is.")},
                           .run = couple,
                           .foresee = [](const Known<Couple>& in) -> Foreseen<ModelHandle, Conditioning, Conditioning> {
                             return {in(&Couple::model), in(&Couple::positive), in(&Couple::negative)};
                           }});
}

}  // namespace easel::nodes
