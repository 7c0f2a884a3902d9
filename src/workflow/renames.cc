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

// ComfyUI's own list (comfy_extras/nodes_replacements.py and the editor's loadGraphData), without video and 3D; and the
// former names that Advanced-ControlNet takes.
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
      {"TimestepKeyframe",
       "TimestepKeyframe",
       {{"prev_timestep_keyframe", "prev_timestep_kf"}, {"control_net_weights", "cn_weights"}},
       {},
       Json::object()},
      {"LatentKeyframe", "LatentKeyframe", {{"prev_latent_keyframe", "prev_latent_kf"}}, {}, Json::object()},
      {"LatentKeyframeGroup",
       "LatentKeyframeGroup",
       {{"prev_latent_keyframe", "prev_latent_kf"}, {"latent_image_opt", "latent_optional"}},
       {},
       Json::object()},
      {"LatentKeyframeTiming",
       "LatentKeyframeTiming",
       {{"prev_latent_keyframe", "prev_latent_kf"}},
       {},
       Json::object()},
      {"LatentKeyframeBatchedGroup",
       "LatentKeyframeBatchedGroup",
       {{"prev_latent_keyframe", "prev_latent_kf"}},
       {},
       Json::object()},
      {"ControlNetLoaderAdvanced",
       "ControlNetLoaderAdvanced",
       {{"timestep_keyframe", "tk_optional"}},
       {},
       Json::object()},
      {"DiffControlNetLoaderAdvanced",
       "DiffControlNetLoaderAdvanced",
       {{"timestep_keyframe", "tk_optional"}},
       {},
       Json::object()},
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

// Samplers had other names in files of early 2023, and of the months when "_pp" ones doubled the guidance.
void use_todays_samplers(PromptNode& node) {
  const auto sampler = node.inputs.find("sampler_name");
  if (sampler == node.inputs.end() || !sampler->is_string()) return;
  const std::string name = sampler->get<std::string>();
  if (name.starts_with("sample_")) *sampler = name.substr(7);
  if (name != "euler_pp" && name != "euler_ancestral_pp") return;
  *sampler = name.substr(0, name.size() - 3);
  if (const auto cfg = node.inputs.find("cfg"); cfg != node.inputs.end() && cfg->is_number())
    *cfg = cfg->get<double>() * 2;
}

// Before it had several methods, essentials' node asked whether to keep the proportion.
void use_todays_method(PromptNode& node) {
  const auto before = node.inputs.find(node.inputs.contains("method") ? "method" : "keep_proportion");
  if (before == node.inputs.end() || !before->is_boolean()) return;
  const bool keep = before->get<bool>();
  node.inputs.erase("keep_proportion");
  node.inputs["method"] = keep ? "keep proportion" : "stretch";
}

// Whether to draw was a flag before there were three modes.
void use_todays_mode(PromptNode& node) {
  const auto mode = node.inputs.find("mode");
  if (mode != node.inputs.end() && mode->is_boolean()) *mode = mode->get<bool>() ? "populate" : "fixed";
}

// Whether a keyframe holds for a step was a flag before it was a number of steps.
void use_todays_steps(PromptNode& node) {
  const auto usage = node.inputs.find("guarantee_usage");
  if (usage == node.inputs.end() || !usage->is_boolean() || node.inputs.contains("guarantee_steps")) return;
  const int steps = usage->get<bool>() ? 1 : 0;
  node.inputs.erase("guarantee_usage");
  node.inputs["guarantee_steps"] = steps;
}

// Where the nodes of preprocessors were missing, the script's switch was a list of nothing.
void use_todays_switch(PromptNode& node) {
  const auto control = node.inputs.find("use_controlnet");
  if (control != node.inputs.end() && *control == "_") *control = false;
}

}  // namespace

void use_todays_values(PromptNode& node) {
  if (!node.inputs.is_object()) return;
  if (node.class_type == "KSampler" || node.class_type == "KSamplerAdvanced") use_todays_samplers(node);
  if (node.class_type == "ImageResize+") use_todays_method(node);
  if (node.class_type == "TimestepKeyframe") use_todays_steps(node);
  if (node.class_type == "HighRes-Fix Script") use_todays_switch(node);
  if (node.class_type == "ImpactWildcardProcessor") use_todays_mode(node);
}

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
  else if (entry->widgets.empty()) return;  // they are in the same order
  else if (node.widgets.is_array())
    for (size_t i = 0; i < node.widgets.size() && i < entry->widgets.size(); ++i)
      values[entry->widgets[i]] = node.widgets[i];
  node.widgets = entry->added;
  for (const auto& [name, value] : values.items()) node.widgets[name_today(*entry, name)] = value;
}

}  // namespace easel::workflow
