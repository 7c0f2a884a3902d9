#include "workflow/convert/lora_lists.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace easel::workflow {
namespace {

constexpr const char* kLoraList = "Power Lora Loader (rgthree)";
constexpr const char* kPrefix = "lora_";

double number_or(const Json& entry, const char* name, double otherwise) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_number() ? found->get<double>() : otherwise;
}

// One LoRA of the list.
struct Entry {
  std::string file;
  double model = 0, clip = 0;
};

// Nothing for one that is off, names no file or does nothing. A strength of its own for the text encoder is there only
// where the editor shows both.
std::optional<Entry> entry_of(const Json& value, bool with_clip) {
  if (!value.is_object() || !value.contains("strength")) return std::nullopt;
  const auto on = value.find("on"), file = value.find("lora");
  if (on == value.end() || *on != Json(true) || file == value.end() || !file->is_string()) return std::nullopt;
  Entry out{file->get<std::string>(), number_or(value, "strength", 0), 0};
  if (with_clip) out.clip = number_or(value, "strengthTwo", out.model);
  if (out.file == "None" || (out.model == 0 && out.clip == 0)) return std::nullopt;
  return out;
}

// The ends of the chain that a list became: what its outputs are now.
struct Ends {
  Json model, clip;
};

bool names_lora(const std::string& name) { return name.starts_with(kPrefix) || name.starts_with("LORA_"); }

Ends take_apart(const PromptNode& node, std::vector<PromptNode>& out) {
  const auto input = [&](const char* name) {
    const auto found = node.inputs.find(name);
    return found != node.inputs.end() && as_link(*found) ? *found : Json(nullptr);
  };
  Ends ends{input("model"), input("clip")};
  if (ends.model.is_null()) return ends;
  for (const auto& [name, value] : node.inputs.items()) {
    const auto entry = names_lora(name) ? entry_of(value, !ends.clip.is_null()) : std::nullopt;
    if (!entry) continue;
    PromptNode loader;
    loader.id = node.id + ":" + name;
    loader.class_type = ends.clip.is_null() ? "LoraLoaderModelOnly" : "LoraLoader";
    loader.title = node.title;
    loader.inputs = {{"lora_name", entry->file}, {"strength_model", entry->model}, {"model", ends.model}};
    if (!ends.clip.is_null()) {
      loader.inputs["strength_clip"] = entry->clip;
      loader.inputs["clip"] = ends.clip;
      ends.clip = Json::array({loader.id, 1});
    }
    ends.model = Json::array({loader.id, 0});
    out.push_back(std::move(loader));
  }
  return ends;
}

}  // namespace

void add_lora_list(const GraphNode& node, PromptNode& out) {
  if (node.type != kLoraList || !node.widgets.is_array()) return;
  const bool both = node.properties.is_object() &&
                    node.properties.value("Show Strengths", Json(nullptr)) == Json("Separate Model & Clip");
  size_t number = 0;
  for (const Json& widget : node.widgets) {
    if (!widget.is_object() || !widget.contains("lora")) continue;
    Json entry = widget;
    if (!both) entry.erase("strengthTwo");
    else if (!entry.contains("strengthTwo") || entry["strengthTwo"].is_null()) entry["strengthTwo"] = 1;
    out.inputs[kPrefix + std::to_string(++number)] = std::move(entry);
  }
}

void take_apart_lora_lists(Prompt& prompt, const NodeTable& table) {
  if (!table.forms(kLoraList).empty()) return;
  std::map<std::string, Ends, std::less<>> taken;
  std::vector<PromptNode> kept;
  for (PromptNode& node : prompt.nodes) {
    if (node.class_type == kLoraList) taken.emplace(node.id, take_apart(node, kept));
    else kept.push_back(std::move(node));
  }
  if (taken.empty()) {
    prompt.nodes = std::move(kept);
    return;
  }
  // A list may stand behind another; a circle of them leads nowhere.
  const auto follow = [&](Json value) {
    for (size_t steps = 0; steps <= taken.size(); ++steps) {
      const auto link = as_link(value);
      const auto found = link ? taken.find(link->node) : taken.end();
      if (found == taken.end()) return value;
      value = link->slot == 0 ? found->second.model : link->slot == 1 ? found->second.clip : Json(nullptr);
    }
    return Json(nullptr);
  };
  for (PromptNode& node : kept) {
    Json inputs = Json::object();
    for (const auto& [name, value] : node.inputs.items())
      if (Json followed = follow(value); !followed.is_null() || value.is_null()) inputs[name] = std::move(followed);
    node.inputs = std::move(inputs);
  }
  prompt.nodes = std::move(kept);
}

}  // namespace easel::workflow
