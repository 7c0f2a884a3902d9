#include "workflow/convert/switches.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "workflow/convert/dynamic_text.h"

namespace easel::workflow {
namespace {

constexpr int kDeepest = 64;
constexpr size_t kMostSteps = 2'000'000;  // of a workflow made to take forever

// The outputs of a context; the smaller kind has the first nine.
constexpr std::array kParts{"base_ctx",   "model",      "clip",       "vae",        "positive",     "negative",
                            "latent",     "images",     "seed",       "steps",      "step_refiner", "cfg",
                            "ckpt_name",  "sampler",    "scheduler",  "clip_width", "clip_height",  "text_pos_g",
                            "text_pos_l", "text_neg_g", "text_neg_l", "mask",       "control_net",  "denoise"};

bool is_any_switch(const std::string& type) { return type == "Any Switch (rgthree)"; }
bool is_reroute(const std::string& type) { return type == "ReroutePrimitive|pysssss"; }
bool is_context(const std::string& type) { return type == "Context (rgthree)" || type == "Context Big (rgthree)"; }
bool is_context_switch(const std::string& type) {
  return type == "Context Switch (rgthree)" || type == "Context Switch Big (rgthree)";
}
constexpr size_t kDrawnSeeds = size_t{1} << 50;  // rgthree draws below this

bool is_context_merge(const std::string& type) {
  return type == "Context Merge (rgthree)" || type == "Context Merge Big (rgthree)";
}

class Resolver {
 public:
  Resolver(const Prompt& prompt, const NodeTable& table) : table_(table) {
    for (const PromptNode& node : prompt.nodes) by_id_.emplace(node.id, &node);
  }

  bool takes_out(const PromptNode& node) const {
    const std::string& type = node.class_type;
    if (!table_.forms(type).empty()) return false;
    return is_any_switch(type) || is_reroute(type) || is_context(type) || is_context_switch(type) ||
           is_context_merge(type) || seed_of(node).has_value();
  }

  // What a link really leads to: another link or a number; null when that is nothing.
  Json follow(const Json& value, int depth = 0) const {
    const auto link = as_link(value);
    if (!link) return value;
    const auto found = by_id_.find(link->node);
    if (found == by_id_.end() || !takes_out(*found->second)) return value;
    if (depth > kDeepest || ++steps_ > kMostSteps) return nullptr;
    const PromptNode& node = *found->second;
    if (const auto seed = seed_of(node)) return *seed;
    if (is_any_switch(node.class_type)) {
      for (const Json& input : in_order(node, "any_"))
        if (Json out = passed_on(input, depth + 1); !out.is_null()) return out;
      return nullptr;
    }
    if (is_reroute(node.class_type)) {
      const auto input = node.inputs.find("value");
      return input == node.inputs.end() ? Json(nullptr) : follow(*input, depth + 1);
    }
    if (link->slot < 0 || link->slot >= std::ssize(kParts)) return nullptr;
    // A context as a whole stays a link to the node, of which only parts are of use.
    if (link->slot == 0) return value;
    return part(node, kParts[static_cast<size_t>(link->slot)], depth + 1);
  }

 private:
  // A seed that is a number. For -1, -2 and -3 rgthree's draws one, or goes on from the last, whenever a graph is
  // queued; here a node always draws the same, so that the same workflow gives the same picture.
  std::optional<Json> seed_of(const PromptNode& node) const {
    if (node.class_type != "Seed (rgthree)" && node.class_type != "Seed Everywhere") return std::nullopt;
    const auto seed = node.inputs.find("seed");
    if (seed == node.inputs.end() || !seed->is_number_integer()) return std::nullopt;
    if (*seed >= 0) return *seed;
    if (*seed < -3) return std::nullopt;
    Draw draw(draw_start(node.id));
    return Json(draw.below(kDrawnSeeds));
  }

  // An input of a switch; a context that holds nothing counts as nothing.
  Json passed_on(const Json& input, int depth) const {
    Json out = follow(input, depth);
    const auto link = as_link(out);
    const auto found = link ? by_id_.find(link->node) : by_id_.end();
    if (found != by_id_.end() && takes_out(*found->second) && empty(*found->second, depth)) return nullptr;
    return out;
  }

  bool empty(const PromptNode& context, int depth) const {
    return std::all_of(kParts.begin() + 1, kParts.end(),
                       [&](const char* name) { return part(context, name, depth + 1).is_null(); });
  }

  static std::vector<Json> in_order(const PromptNode& node, const char* prefix) {
    std::vector<std::pair<std::string, Json>> named;
    for (const auto& [name, value] : node.inputs.items())
      if (name.starts_with(prefix)) named.emplace_back(name, value);
    std::stable_sort(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Json> out;
    for (auto& [name, value] : named) out.push_back(std::move(value));
    return out;
  }

  const PromptNode* context_at(const Json& value, int depth) const {
    const auto link = as_link(follow(value, depth));
    const auto found = link ? by_id_.find(link->node) : by_id_.end();
    return found == by_id_.end() || !takes_out(*found->second) ? nullptr : found->second;
  }

  // What a context holds under a name.
  Json part(const PromptNode& node, const char* name, int depth) const {
    if (depth > kDeepest || ++steps_ > kMostSteps) return nullptr;
    if (is_context(node.class_type)) {
      if (const auto own = node.inputs.find(name); own != node.inputs.end())
        if (Json out = follow(*own, depth + 1); !out.is_null()) return out;
      const auto base = node.inputs.find("base_ctx");
      const PromptNode* below = base == node.inputs.end() ? nullptr : context_at(*base, depth + 1);
      return below ? part(*below, name, depth + 1) : Json(nullptr);
    }
    std::vector<Json> contexts = in_order(node, "ctx_");
    const bool merge = is_context_merge(node.class_type);
    if (merge) std::reverse(contexts.begin(), contexts.end());
    for (const Json& input : contexts) {
      const PromptNode* context = context_at(input, depth + 1);
      if (!context) continue;
      if (Json out = part(*context, name, depth + 1); !out.is_null()) return out;
      if (!merge && !empty(*context, depth + 1)) return nullptr;  // a switch takes one context as a whole
    }
    return nullptr;
  }

  const NodeTable& table_;
  std::unordered_map<std::string, const PromptNode*> by_id_;
  mutable size_t steps_ = 0;
};

}  // namespace

void take_out_switches(Prompt& prompt, const NodeTable& table) {
  const Resolver resolver(prompt, table);
  std::vector<PromptNode> kept;
  bool any = false;
  for (const PromptNode& node : prompt.nodes) any = any || resolver.takes_out(node);
  if (!any) return;
  for (const PromptNode& node : prompt.nodes) {
    if (resolver.takes_out(node)) continue;
    PromptNode copy = node;
    copy.inputs = Json::object();
    for (const auto& [name, value] : node.inputs.items())
      if (Json followed = resolver.follow(value); !followed.is_null() || value.is_null())
        copy.inputs[name] = std::move(followed);
    kept.push_back(std::move(copy));
  }
  prompt.nodes = std::move(kept);
}

}  // namespace easel::workflow
