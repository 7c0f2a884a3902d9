// Nodes that merge the weights of two models.
#include <array>

#include "models/patch/merge.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::ModelHandle;

constexpr const char* kCategory = "advanced/model_merging";

models::MergeRatio blend(double ratio) {
  const auto own = static_cast<float>(ratio);
  return {own, static_cast<float>(1.0 - ratio)};
}
models::MergeRatio difference(double multiplier) {
  const auto by = static_cast<float>(multiplier);
  return {by, -by};
}

// Two models, or two text encoders, and how they are mixed. A node uses one of the numbers, or none.
struct Models {
  Linked<ModelHandle> model1, model2;
  double ratio = 1.0, multiplier = 1.0;
};
struct Clips {
  Linked<ClipHandle> clip1, clip2;
  double ratio = 1.0, multiplier = 1.0;
};

Results<ModelHandle> merged(const Models& in, const models::MergeRatios& ratios) {
  return {models::merge_models(*in.model1, *in.model2, ratios)};
}

Results<ClipHandle> merged(const Clips& in, models::MergeRatio ratio, Call& call) {
  return {models::merge_clips(*in.clip1, *in.clip2, ratio, call.context().residency)};
}

Inputs<Models> model_inputs() { return {Link("model1", &Models::model1), Link("model2", &Models::model2)}; }
Inputs<Clips> clip_inputs() { return {Link("clip1", &Clips::clip1), Link("clip2", &Clips::clip2)}; }

template <class P>
Input<P> ratio_input(const std::string& name, double P::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.01).tip("1: only model1, 0: only model2.");
}
template <class P>
Input<P> multiplier_input() {
  return Float("multiplier", &P::multiplier).range(-10.0, 10.0).step(0.01);
}

template <class P>
void add(Table& table, const std::string& name, const std::string& description, Inputs<P> inputs, Run<P> run) {
  table.add(NodeOf<P>{.name = name,
                      .category = kCategory,
                      .description = description,
                      .inputs = std::move(inputs),
                      .runs_when_checked = true,
                      .run = std::move(run)});
}

// A ratio for each part of the UNet.
constexpr size_t kMostParts = 32;
struct ModelsByParts : Models {
  ModelsByParts() { ratios.fill(1.0); }
  std::array<double, kMostParts> ratios;
};

// The first ratio also applies to weights that belong to no part.
void add_by_parts(Table& table, const char* name, const char* description, const std::vector<std::string>& parts) {
  Inputs<ModelsByParts> inputs{Link("model1", &Models::model1), Link("model2", &Models::model2)};
  for (size_t i = 0; i < parts.size(); ++i)
    inputs.push_back(
        Float(parts[i], &ModelsByParts::ratios, i).range(0.0, 1.0).step(0.01).tip("1: only model1, 0: only model2."));
  add<ModelsByParts>(table, name, description, std::move(inputs), [parts](const ModelsByParts& in) {
    models::MergeRatios ratios{blend(in.ratios.front()), {}};
    for (size_t i = 0; i < parts.size(); ++i) ratios.by_prefix.emplace_back(parts[i], blend(in.ratios[i]));
    return merged(in, ratios);
  });
}

// "time_embed.", "label_emb.", the blocks one by one, "out."
std::vector<std::string> parts_of(int blocks, const char* after_number) {
  std::vector<std::string> out{"time_embed.", "label_emb."};
  const auto count = [&](const std::string& name, int n) {
    for (int i = 0; i < n; ++i) out.push_back(name + std::to_string(i) + after_number);
  };
  count("input_blocks.", blocks);
  count("middle_block.", 3);
  count("output_blocks.", blocks);
  out.push_back("out.");
  return out;
}

}  // namespace

void register_model_merge_nodes(Table& table) {
  add<Models>(table, "ModelMergeSimple", "Mixes the weights of two models.",
              model_inputs().and_then({ratio_input("ratio", &Models::ratio)}), [](const Models& in) {
                return merged(in, {blend(in.ratio), {}});
              });
  add<Models>(table, "ModelMergeSubtract", "Subtracts model2's weights from model1's.",
              model_inputs().and_then({multiplier_input<Models>()}), [](const Models& in) {
                return merged(in, {difference(in.multiplier), {}});
              });
  add<Models>(table, "ModelMergeAdd", "Adds model2's weights, usually a difference, to model1's.", model_inputs(),
              [](const Models& in) {
                return merged(in, {{1.0f, 1.0f}, {}});
              });
  add_by_parts(table, "ModelMergeBlocks", "Mixes two models, with a ratio for each third of the UNet.",
               {"input", "middle", "out"});
  add_by_parts(table, "ModelMergeSD1", "Mixes two SD 1.x models, with a ratio for each block.", parts_of(12, "."));
  add_by_parts(table, "ModelMergeSD2", "Mixes two SD 2.x models, with a ratio for each block.", parts_of(12, "."));
  add_by_parts(table, "ModelMergeSDXL", "Mixes two SDXL models, with a ratio for each block.", parts_of(9, ""));
  add<Clips>(table, "CLIPMergeSimple", "Mixes the weights of two text encoders.",
             clip_inputs().and_then({ratio_input("ratio", &Clips::ratio)}),
             [](const Clips& in, Call& call) { return merged(in, blend(in.ratio), call); });
  add<Clips>(table, "CLIPMergeSubtract", "Subtracts clip2's weights from clip1's.",
             clip_inputs().and_then({multiplier_input<Clips>()}),
             [](const Clips& in, Call& call) { return merged(in, difference(in.multiplier), call); });
  add<Clips>(table, "CLIPMergeAdd", "Adds clip2's weights, usually a difference, to clip1's.", clip_inputs(),
             [](const Clips& in, Call& call) {
               return merged(in, {1.0f, 1.0f}, call);
             });
}

}  // namespace easel::nodes
