// Models made of two models' weights.
#include "models/patch/merge.h"
#include "node_api/table.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "advanced/model_merging";

In ratio_input(std::string name = "ratio") {
  return Float(std::move(name)).def(1.0).range(0.0, 1.0).step(0.01).tip("1 is the first model, 0 the second.");
}
In multiplier_input() { return Float("multiplier").def(1.0).range(-10.0, 10.0).step(0.01); }

models::MergeRatio blend(double ratio) {
  const auto own = static_cast<float>(ratio);
  return {own, static_cast<float>(1.0 - ratio)};
}
models::MergeRatio difference(double multiplier) {
  const auto by = static_cast<float>(multiplier);
  return {by, -by};
}

Outputs merged(Call& call, const models::MergeRatios& ratios) {
  return {Value("MODEL", models::merge_models(call.link<models::ModelHandle>("model1"),
                                              call.link<models::ModelHandle>("model2"), ratios))};
}

Outputs merged_clip(Call& call, models::MergeRatio ratio) {
  return {Value("CLIP", models::merge_clips(call.link<models::ClipHandle>("clip1"),
                                            call.link<models::ClipHandle>("clip2"), ratio, call.context().residency))};
}

void add(Table& table, const char* name, const char* type, const char* description, std::vector<In> more,
         std::function<Outputs(Call&)> run) {
  const std::string input = type == std::string("MODEL") ? "model" : "clip";
  std::vector<In> inputs{Link(input + "1", type), Link(input + "2", type)};
  inputs.insert(inputs.end(), more.begin(), more.end());
  table.add({.name = name,
             .category = kCategory,
             .description = description,
             .inputs = std::move(inputs),
             .outputs = {{type}},
             .cheap = true,
             .run = std::move(run)});
}

// A ratio for each part of the UNet; the first one is for what belongs to none.
void add_by_parts(Table& table, const char* name, const char* description, const std::vector<std::string>& parts) {
  std::vector<In> inputs;
  for (const std::string& part : parts) inputs.push_back(ratio_input(part));
  add(table, name, "MODEL", description, std::move(inputs), [parts](Call& call) {
    models::MergeRatios ratios{blend(call.number(parts.front())), {}};
    for (const std::string& part : parts) ratios.by_prefix.emplace_back(part, blend(call.number(part)));
    return merged(call, ratios);
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
  add(table, "ModelMergeSimple", "MODEL", "Mixes the weights of two models.", {ratio_input()}, [](Call& call) {
    return merged(call, {blend(call.number("ratio")), {}});
  });
  add(table, "ModelMergeSubtract", "MODEL", "What the first model has beyond the second.", {multiplier_input()},
      [](Call& call) {
        return merged(call, {difference(call.number("multiplier")), {}});
      });
  add(table, "ModelMergeAdd", "MODEL", "Adds the second model's weights, usually a difference.", {}, [](Call& call) {
    return merged(call, {{1.0f, 1.0f}, {}});
  });
  add_by_parts(table, "ModelMergeBlocks", "Mixes two models, with a ratio for each third of the UNet.",
               {"input", "middle", "out"});
  add_by_parts(table, "ModelMergeSD1", "Mixes two SD 1.x models, with a ratio for each block.", parts_of(12, "."));
  add_by_parts(table, "ModelMergeSD2", "Mixes two SD 2.x models, with a ratio for each block.", parts_of(12, "."));
  add_by_parts(table, "ModelMergeSDXL", "Mixes two SDXL models, with a ratio for each block.", parts_of(9, ""));
  add(table, "CLIPMergeSimple", "CLIP", "Mixes the weights of two text encoders.", {ratio_input()},
      [](Call& call) { return merged_clip(call, blend(call.number("ratio"))); });
  add(table, "CLIPMergeSubtract", "CLIP", "What the first text encoder has beyond the second.", {multiplier_input()},
      [](Call& call) { return merged_clip(call, difference(call.number("multiplier"))); });
  add(table, "CLIPMergeAdd", "CLIP", "Adds the second text encoder's weights, usually a difference.", {},
      [](Call& call) {
        return merged_clip(call, {1.0f, 1.0f});
      });
}

}  // namespace easel::nodes
