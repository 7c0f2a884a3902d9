// Prompts for parts of a picture (comfyui-tooling-nodes): each part of the maps attends to the text of its region.
#include <algorithm>
#include <map>
#include <tuple>

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

// A chain of regions, the last one on top.
struct Regions {
  struct Region {
    Tensor mask;  // [1,H,W]; undefined for the background, which is what the others leave
    models::Conditioning conditioning;
  };
  std::vector<Region> list;
};

template <>
struct LinkType<Regions> {
  static constexpr const char* kName = "Regions";
  using Held = Regions;
  using Foreseen = void;
  static size_t bytes(const Held& regions) {
    size_t total = 0;
    for (const auto& region : regions.list)
      total += bytes_of(region.mask) + LinkType<models::Conditioning>::bytes(region.conditioning);
    return total;
  }
};

namespace {

using models::AttentionSite;
using models::Conditioning;
using models::ModelHandle;
using models::StepInfo;

constexpr const char* kCategory = "external_tooling/regions";

std::string size_of(const Tensor& mask) { return std::to_string(mask.dim(2)) + "x" + std::to_string(mask.dim(1)); }

// The regions with a mask each: the background's is what the sum of the others leaves of 1.
std::vector<Regions::Region> with_masks(const Regions& regions) {
  std::vector<Regions::Region> out = regions.list;
  if (out.size() < 2)
    throw Error(Fault::kInvalid, "there is only one region")
        .at_input("regions")
        .fix("At least two are needed: ETN_DefineRegion adds one to those that it is given");
  for (size_t i = 1; i < out.size(); ++i) {
    const Tensor& mask = out[i].mask;
    if (!(mask.shape() == out[1].mask.shape()))
      throw Error(Fault::kInvalid,
                  "the masks of the regions are of several sizes: " + size_of(out[1].mask) + " and " + size_of(mask))
          .at_input("regions")
          .fix("Resize them");
  }
  Tensor& first = out.front().mask;
  if (first.defined()) {
    if (!(first.shape() == out[1].mask.shape()))
      throw Error(Fault::kInvalid,
                  "the masks of the regions are of several sizes: " + size_of(first) + " and " + size_of(out[1].mask))
          .at_input("regions")
          .fix("Resize them");
    return out;
  }
  first = Tensor::full(out[1].mask.shape(), 1.0f);
  for (size_t i = 1; i < out.size(); ++i) first = ops::add(first, out[i].mask, -1.0f);
  return out;
}

// In place of the text's attention of conditional samples: that to each region's text, by the regions' shares of a
// place ("Attention Couple", after the code by laksjdjf that the original is adapted from). Texts of several lengths
// need not be brought to one: the original repeats their tokens, which leaves the softmax's means as they are.
class RegionAttention final : public models::AttentionHook {
 public:
  // `factor`: pixels of the picture along a latent pixel.
  RegionAttention(const std::vector<Regions::Region>& regions, int64_t factor) : factor_(factor) {
    Tensor sum = regions.front().mask;
    for (size_t i = 1; i < regions.size(); ++i) sum = ops::add(sum, regions[i].mask);
    const Tensor empty = ops::map([](auto v) { return v == 0.0f; }, sum);
    if (ops::item(ops::reduce(empty, ops::Reduction::kMax, 0, -1)) > 0)
      throw Error(Fault::kInvalid, "there are places that belong to no region")
          .at_input("regions")
          .fix("Begin with ETN_BackgroundRegion, which takes what the others leave");
    for (const auto& region : regions) {
      if (region.conditioning.empty() || region.conditioning.front().cond.dim(0) != 1)
        throw Error(Fault::kInvalid, "a region's conditioning must be one text, not a batch of them")
            .at_input("regions");
      const Tensor share = ops::map([](auto mask, auto all) { return mask / all; }, region.mask, sum);
      parts_.push_back({region.conditioning.front().cond, share});
    }
  }

  Tensor replace_cross_attention(const models::ContextProjector& projector, const AttentionSite& site,
                                 const StepInfo& step, const Tensor& q, const Tensor& out) const override {
    const auto chunks = static_cast<int64_t>(step.cond_or_uncond.size());
    const int64_t samples = q.dim(0) / chunks;
    if (std::find(step.cond_or_uncond.begin(), step.cond_or_uncond.end(), 0) == step.cond_or_uncond.end())
      return Tensor();
    std::vector<models::ContextProjection::KeyValue> texts;
    for (const Part& part : parts_) texts.push_back(projector.project(part.text));
    std::vector<Tensor> rows;
    for (int64_t i = 0; i < chunks; ++i) {
      if (step.cond_or_uncond[static_cast<size_t>(i)] != 0) {
        rows.push_back(out.slice(0, i * samples, samples));
        continue;
      }
      const Tensor queries = q.slice(0, i * samples, samples);
      Tensor sum;
      for (size_t k = 0; k < parts_.size(); ++k) {
        const Tensor one =
            ops::mul(ops::attention(queries, texts[k].key, texts[k].value, site.heads), share(k, site, step, q));
        sum = sum.defined() ? ops::add(sum, one) : one;
      }
      rows.push_back(std::move(sum));
    }
    return rows.size() == 1 ? rows.front() : ops::concat(rows, 0);
  }

 private:
  struct Part {
    Tensor text;   // [1,T,context_dim]
    Tensor share;  // [1,H,W]
  };

  // A region's share of each token, [1,T,1], of the type and on the device of `like`.
  Tensor share(size_t k, const AttentionSite& site, const StepInfo& step, const Tensor& like) const {
    const MutexLock lock(mutex_);
    Tensor& known = shares_[{k, site.height, site.width, step.latent_height, step.latent_width}];
    if (known.defined() && known.dtype() == like.dtype()) return known;
    const Tensor& mask = parts_[k].share;
    const auto is = [&](int64_t factor) {
      return mask.dim(1) == step.latent_height * factor && mask.dim(2) == step.latent_width * factor;
    };
    if (!is(1) && !is(factor_))
      throw Error(Fault::kMismatch,
                  "the masks of the regions are " + size_of(mask) + " pixels large, and the picture " +
                      std::to_string(step.latent_width * factor_) + "x" + std::to_string(step.latent_height * factor_))
          .fix("Resize the masks to the picture or to its latent");
    const Tensor small =
        image::resize(image::as_picture(mask), {site.width, site.height}, image::ResizeMethod::kNearest);
    known = convert(contiguous(small).view({1, site.height * site.width, 1}), like.dtype()).to(like.device());
    return known;
  }

  const int64_t factor_;
  std::vector<Part> parts_;
  mutable Mutex mutex_;
  mutable std::map<std::tuple<size_t, int64_t, int64_t, int64_t, int64_t>, Tensor> shares_ EASEL_GUARDED_BY(mutex_);
};

struct Background {
  Linked<Conditioning> conditioning;
};

struct Define {
  Linked<Mask> mask;
  Linked<Conditioning> conditioning;
  MaybeLinked<Regions> regions;
};

Results<Regions> define(const Define& in) {
  image::require_mask(*in.mask, "mask");
  if (in.mask->dim(0) != 1)
    throw Error(Fault::kInvalid, "a region has one mask, not " + std::to_string(in.mask->dim(0)))
        .at_input("mask")
        .fix("Take one of them");
  Regions out = in.regions.value_or_empty();
  out.list.push_back({contiguous(*in.mask), *in.conditioning});
  return {std::move(out)};
}

struct ListMasks {
  Linked<Regions> regions;
};

Results<Mask> list_masks(const ListMasks& in) {
  const auto regions = with_masks(*in.regions);
  Tensor out = regions.front().mask;
  for (size_t i = 1; i < regions.size(); ++i) out = image::concatenate(out, regions[i].mask);
  return {std::move(out)};
}

struct Attend {
  Linked<ModelHandle> model;
  Linked<Regions> regions;
};

Results<ModelHandle> attend(const Attend& in) {
  const auto regions = with_masks(*in.regions);
  const int64_t width = models::unet_of(*in.model, "an attention mask").config.context_dim;
  for (const auto& region : regions)
    if (!region.conditioning.empty() && region.conditioning.front().cond.dim(2) != width)
      throw Error(Fault::kMismatch, "a region's text has " + std::to_string(region.conditioning.front().cond.dim(2)) +
                                        " values for each token, and the model " + in.model->file + " takes " +
                                        std::to_string(width))
          .at_input("regions")
          .fix("Encode the regions' texts with the model's own text encoder");
  return {models::with_patch(*in.model, models::attention_patch(std::make_shared<const RegionAttention>(
                                            regions, in.model->latents().factor)))};
}

}  // namespace

void register_region_nodes(Table& table) {
  table.add(NodeOf<Background>{.name = "ETN_BackgroundRegion",
                               .display = "Background Region",
                               .category = kCategory,
                               .description = "The region of all that other regions leave.",
                               .origin = "tooling",
                               .inputs = {Link("conditioning", &Background::conditioning)},
                               .outputs = {{"regions"}},
                               .run = [](const Background& in) -> Results<Regions> {
                                 return {Regions{{{Tensor(), *in.conditioning}}}};
                               }});
  table.add(NodeOf<Define>{.name = "ETN_DefineRegion",
                           .display = "Define Region",
                           .category = kCategory,
                           .description = "Adds a region, where its mask is, with a text of its own.",
                           .origin = "tooling",
                           .inputs = {Link("mask", &Define::mask), Link("conditioning", &Define::conditioning),
                                      Link("regions", &Define::regions)},
                           .outputs = {{"regions"}},
                           .run = define});
  table.add(NodeOf<ListMasks>{.name = "ETN_ListRegionMasks",
                              .display = "List Region Masks",
                              .category = kCategory,
                              .description = "The masks of all regions, the background's first.",
                              .origin = "tooling",
                              .inputs = {Link("regions", &ListMasks::regions)},
                              .outputs = {{"masks"}},
                              .run = list_masks});
  table.add(
      NodeOf<Attend>{.name = "ETN_AttentionMask",
                     .display = "Regions Attention Mask",
                     .category = kCategory,
                     .description = "Lets each part of a picture follow the text of its region in place of the prompt.",
                     .origin = "tooling",
                     .inputs = {Link("model", &Attend::model), Link("regions", &Attend::regions)},
                     .run = attend,
                     .foresee = [](const Known<Attend>& in) -> Foreseen<ModelHandle> { return {in(&Attend::model)}; }});
}

}  // namespace easel::nodes
