#include "workflow/renames.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace easel::workflow {
namespace {

struct Renamed {
  const char *before, *now;
  std::vector<std::pair<std::string, std::string>> inputs;  // those that have another name now
  std::vector<std::string> widgets;  // the old node's, in order, where today's node has them in another order
  Json added = Json::object();       // by today's name
};

// ComfyUI's own list (comfy_extras/nodes_replacements.py and the editor's loadGraphData), without video and 3D.
const std::vector<Renamed>& renamed() {
  static const std::vector<Renamed> kList{
      {"T2IAdapterLoader", "ControlNetLoader", {{"t2i_adapter_name", "control_net_name"}}, {}, Json::object()},
      {"ConditioningAverage ", "ConditioningAverage", {}, {}, Json::object()},
      {"SDV_img2vid_Conditioning", "SVD_img2vid_Conditioning", {}, {}, Json::object()},
      {"ResizeImagesByLongerEdge",
       "ImageScaleToMaxDimension",
       {{"images", "image"}, {"longer_edge", "largest_size"}},
       {"longer_edge"},
       {{"upscale_method", "lanczos"}}},
  };
  return kList;
}

const Renamed* find(const std::string& name) {
  const auto it =
      std::find_if(renamed().begin(), renamed().end(), [&](const Renamed& entry) { return entry.before == name; });
  return it == renamed().end() ? nullptr : &*it;
}

std::string name_today(const Renamed& entry, const std::string& input) {
  for (const auto& [before, now] : entry.inputs)
    if (before == input) return now;
  return input;
}

}  // namespace

void use_todays_names(PromptNode& node) {
  const Renamed* entry = find(node.class_type);
  if (!entry) return;
  node.class_type = entry->now;
  Json inputs = Json::object();
  for (const auto& [name, value] : node.inputs.items()) inputs[name_today(*entry, name)] = value;
  for (const auto& [name, value] : entry->added.items())
    if (!inputs.contains(name)) inputs[name] = value;
  node.inputs = std::move(inputs);
}

void use_todays_names(GraphNode& node) {
  const Renamed* entry = find(node.type);
  if (!entry) return;
  node.type = entry->now;
  for (GraphInput& input : node.inputs) {
    input.name = name_today(*entry, input.name);
    if (!input.widget.empty()) input.widget = name_today(*entry, input.widget);
  }
  Json values = Json::object();
  if (node.widgets.is_object()) values = node.widgets;
  else if (entry->widgets.empty()) return;
  else if (node.widgets.is_array())
    for (size_t i = 0; i < node.widgets.size() && i < entry->widgets.size(); ++i)
      values[entry->widgets[i]] = node.widgets[i];
  node.widgets = entry->added;
  for (const auto& [name, value] : values.items()) node.widgets[name_today(*entry, name)] = value;
}

}  // namespace easel::workflow
