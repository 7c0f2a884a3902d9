// Merging the weights of two models.
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

// Two of a kind, and how they are mixed; nodes use one of the numbers or none.
struct Models {
  Linked<ModelHandle> first, second;
  double ratio = 1.0, multiplier = 1.0;
};
struct Clips {
  Linked<ClipHandle> first, second;
  double ratio = 1.0, multiplier = 1.0;
};

Results<ModelHandle> merged(const Models& in, const models::MergeRatios& ratios) {
  return {models::merge_models(*in.first, *in.second, ratios)};
}

Results<ClipHandle> merged(const Clips& in, models::MergeRatio ratio, Call& call) {
  return {models::merge_clips(*in.first, *in.second, ratio, call.context().residency)};
}

Inputs<Models> model_inputs() { return {Link("model1", &Models::first), Link("model2", &Models::second)}; }
Inputs<Clips> clip_inputs() { return {Link("clip1", &Clips::first), Link("clip2", &Clips::second)}; }

template <class P>
Input<P> ratio_input(const std::string& name, double P::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.01).tip("1 is the first model, 0 the second.");
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

// A ratio for each part of a UNet.
constexpr size_t kMostParts = 32;
struct ModelsByParts : Models {
  ModelsByParts() { ratios.fill(1.0); }
  std::array<double, kMostParts> ratios;
};

// The first ratio also applies to weights outside of all parts.
void add_by_parts(Table& table, const char* name, const char* description, const std::vector<std::string>& parts) {
  Inputs<ModelsByParts> inputs{Link("model1", &Models::first), Link("model2", &Models::second)};
  for (size_t i = 0; i < parts.size(); ++i)
    inputs.push_back(Float(parts[i], &ModelsByParts::ratios, i)
                         .range(0.0, 1.0)
                         .step(0.01)
                         .tip("1 is the first model, 0 the second."));
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
  add<Models>(table, "ModelMergeSubtract", "What the first model has beyond the second.",
              model_inputs().and_then({multiplier_input<Models>()}), [](const Models& in) {
                return merged(in, {difference(in.multiplier), {}});
              });
  add<Models>(table, "ModelMergeAdd", "Adds the second model's weights, usually a difference.", model_inputs(),
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
  add<Clips>(table, "CLIPMergeSubtract", "What the first text encoder has beyond the second.",
             clip_inputs().and_then({multiplier_input<Clips>()}),
             [](const Clips& in, Call& call) { return merged(in, difference(in.multiplier), call); });
  add<Clips>(table, "CLIPMergeAdd", "Adds the second text encoder's weights, usually a difference.", clip_inputs(),
             [](const Clips& in, Call& call) {
               return merged(in, {1.0f, 1.0f}, call);
             });
}

}  // namespace easel::nodes
