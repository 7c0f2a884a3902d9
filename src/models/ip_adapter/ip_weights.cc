// How the current IP-Adapter nodes distribute one weight over the layers of a model.
#include <algorithm>
#include <cmath>

#include "models/ip_adapter/ip_attention.h"

namespace easel::models {
namespace {

constexpr const char* kTypes[] = {"linear",
                                  "ease in",
                                  "ease out",
                                  "ease in-out",
                                  "reverse in-out",
                                  "weak input",
                                  "weak output",
                                  "weak middle",
                                  "strong middle",
                                  "style transfer",
                                  "composition",
                                  "strong style transfer",
                                  "style and composition",
                                  "style transfer precise",
                                  "composition precise"};
// Chosen by IPAdapterStyleComposition's `expand_style`; it is not in the list of types.
constexpr const char* kExpandedType = "strong style and composition";

// The position of a cross-attention: the number of its spatial transformer in the order of execution, and its part.
struct Place {
  int transformer = 0;
  BlockKind block = BlockKind::kInput;
};

// By AttentionSite::index: input blocks, output blocks, middle, as adapters number their keys.
std::vector<Place> places(const UNetConfig& config) {
  std::vector<Place> out;
  const auto used = [](const std::vector<int>& depths) {
    return static_cast<int>(std::count_if(depths.begin(), depths.end(), [](int d) { return d > 0; }));
  };
  const bool middle = config.middle_depth > 0;
  const auto add = [&out](const std::vector<int>& depths, int first, BlockKind block) {
    for (const int depth : depths) {
      for (int i = 0; i < depth; ++i) out.push_back({first, block});
      first += depth > 0 ? 1 : 0;
    }
  };
  const int inputs = used(config.input_depth);
  add(config.input_depth, 0, BlockKind::kInput);
  add(config.output_depth, inputs + (middle ? 1 : 0), BlockKind::kOutput);
  if (middle) add({config.middle_depth}, inputs, BlockKind::kMiddle);
  return out;
}

using Weights = std::map<int, double>;

void set(Weights& weights, std::initializer_list<int> transformers, double value) {
  for (const int t : transformers) weights[t] = value;
}

// The transformers that a type uses, with their weights; empty for types that use all of them. Which transformers carry
// style and which composition is taken from the reference: 6 and 3 of SDXL's 11, the outer ones and 4, 5 of
// SD 1.x's 16.
Weights picked(const IpWeightOptions& o, bool sdxl) {
  const double w = o.weight;
  Weights out;
  const auto all_outer = {0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15};
  const auto all_but_composition = {0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const auto sdxl_but_composition = {0, 1, 2, 4, 5, 6, 7, 8, 9, 10};
  const auto composition = [&](double c) {
    if (sdxl) {
      set(out, {3}, c);
      return;
    }
    set(out, {4}, c * 0.25);
    set(out, {5}, c);
  };
  if (o.type == "style transfer") {
    sdxl ? set(out, {6}, w) : set(out, all_outer, w);
  } else if (o.type == "composition") {
    composition(w);
  } else if (o.type == "strong style transfer") {
    set(out, sdxl ? sdxl_but_composition : all_but_composition, w);
  } else if (o.type == "style and composition") {
    sdxl ? set(out, {6}, w) : set(out, all_outer, w);
    composition(o.composition_weight);
  } else if (o.type == kExpandedType) {
    set(out, sdxl ? sdxl_but_composition : all_but_composition, w);
    sdxl ? set(out, {3}, o.composition_weight) : set(out, {4, 5}, o.composition_weight);
  } else if (o.type == "style transfer precise") {
    sdxl ? set(out, {6}, w) : set(out, all_outer, w);
    composition(o.style_boost.value_or(w));
  } else if (o.type == "composition precise") {
    const double boosted = o.composition_boost.value_or(w);
    set(out, sdxl ? sdxl_but_composition : all_but_composition, boosted * 0.1);
    sdxl ? set(out, {6}, boosted) : set(out, all_outer, boosted);
    composition(w);
  }
  return out;
}

double eased(std::string_view type, double t, double layers) {
  const double middle = layers / 2;
  if (type == "ease in") return 0.05 + 0.95 * (1 - t / layers);
  if (type == "ease out") return 0.05 + 0.95 * (t / layers);
  if (type == "ease in-out") return 0.05 + 0.95 * (1 - std::abs(t - middle) / middle);
  if (type == "reverse in-out") return 0.05 + 0.95 * (std::abs(t - middle) / middle);
  return 1.0;
}

bool weakened(std::string_view type, BlockKind block) {
  return (type == "weak input" && block == BlockKind::kInput) ||
         (type == "weak middle" && block == BlockKind::kMiddle) ||
         (type == "weak output" && block == BlockKind::kOutput) ||
         (type == "strong middle" && block != BlockKind::kMiddle);
}

// The "precise" types subtract the picture in the layers where it should have no influence.
bool inverted(std::string_view type, int transformer, bool sdxl) {
  const bool composition = sdxl ? transformer == 3 : transformer == 4 || transformer == 5;
  return (type == "style transfer precise" && composition) || (type == "composition precise" && !composition);
}

}  // namespace

std::span<const char* const> ip_weight_types() { return kTypes; }

std::vector<IpLayerRule> ip_layer_rules(const UNetConfig& config, const IpWeightOptions& options) {
  const bool known = options.type == kExpandedType || std::any_of(std::begin(kTypes), std::end(kTypes),
                                                                  [&](const char* t) { return options.type == t; });
  if (!known) throw Error(Fault::kInvalid, "'" + std::string(options.type) + "' is no weight type of an IP-Adapter");
  const std::vector<Place> sites = places(config);
  const bool sdxl = sites.size() > 50;  // the reference looks for a 51st key matrix
  Weights chosen = picked(options, sdxl);
  if (!options.layers.empty()) {
    chosen.clear();
    for (const auto& [transformer, factor] : options.layers) chosen[transformer] = factor * options.weight;
  }
  std::vector<IpLayerRule> rules;
  for (const Place& site : sites) {
    IpLayerRule rule;
    if (chosen.empty()) {
      double w = options.weight * eased(options.type, site.transformer, sdxl ? 11.0 : 16.0);
      if (weakened(options.type, site.block)) w *= 0.2;
      rule.weight = static_cast<float>(w);
    } else {
      const auto it = chosen.find(site.transformer);
      rule.weight = it == chosen.end() ? 0.0f : static_cast<float>(it->second);
      rule.inverted = inverted(options.type, site.transformer, sdxl);
      rule.composition = site.transformer == 3;
    }
    rules.push_back(rule);
  }
  return rules;
}

}  // namespace easel::models
