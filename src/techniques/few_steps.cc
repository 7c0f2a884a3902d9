#include "techniques/few_steps.h"

#include <set>

namespace easel::techniques {

using workflow::Json;
using workflow::PromptNode;

namespace {

constexpr int kMostRaised = 4;
constexpr int kFirstId = 111;  // of nodes that are added: no technique has that many

// The checkpoint that a node's model comes from, through what patches it; empty if that is not known.
std::string checkpoint_of(const workflow::Prompt& prompt, const PromptNode& sampler) {
  std::set<std::string> seen;
  const PromptNode* node = &sampler;
  while (node && seen.insert(node->id).second) {
    if (const auto name = node->inputs.find("ckpt_name"); name != node->inputs.end() && name->is_string())
      return name->get<std::string>();
    const auto model = node->inputs.find("model");
    const auto link = model == node->inputs.end() ? std::nullopt : workflow::as_link(*model);
    node = link ? prompt.find(link->node) : nullptr;
  }
  return {};
}

// A KSampler with denoise d takes the last of int(steps / d) steps.
int steps_for(int steps, double denoise) {
  if (!(denoise > 0 && denoise < 1)) return steps;
  int raised = steps;
  while (raised < kMostRaised && static_cast<int>(raised / denoise) <= raised) ++raised;
  return raised;
}

double denoise_of(const PromptNode& sampler) {
  const auto value = sampler.inputs.find("denoise");
  return value != sampler.inputs.end() && value->is_number() ? value->get<double>() : 1.0;
}

}  // namespace

Json to_json(const models::FewSteps& settings) {
  return {{"title", settings.title},     {"steps", settings.steps},         {"cfg", settings.cfg},
          {"sampler", settings.sampler}, {"scheduler", settings.scheduler}, {"sampling", settings.prediction},
          {"remark", settings.remark},   {"told_by", settings.told_by}};
}

std::vector<std::string> use_few_steps(
    workflow::Prompt& prompt,
    const std::function<std::optional<models::FewSteps>(const std::string& checkpoint)>& settings) {
  std::vector<std::string> done;
  std::vector<PromptNode> added;
  for (PromptNode& node : prompt.nodes) {
    if (node.class_type != "KSampler") continue;
    const std::string checkpoint = checkpoint_of(prompt, node);
    auto wanted = checkpoint.empty() ? std::nullopt : settings(checkpoint);
    if (!wanted) continue;
    wanted->steps = steps_for(wanted->steps, denoise_of(node));
    node.inputs["steps"] = wanted->steps;
    node.inputs["cfg"] = wanted->cfg;
    node.inputs["sampler_name"] = wanted->sampler;
    node.inputs["scheduler"] = wanted->scheduler;
    if (!wanted->prediction.empty()) {
      const std::string id = std::to_string(kFirstId + static_cast<int>(added.size()));
      added.push_back(
          {.id = id,
           .class_type = "ModelSamplingDiscrete",
           .title = wanted->title,
           .inputs = {{"model", node.inputs.at("model")}, {"sampling", wanted->prediction}, {"zsnr", false}}});
      node.inputs["model"] = Json::array({id, 0});
    }
    done.push_back(checkpoint + " (" + wanted->title + ") is drawn with " + models::in_words(*wanted) +
                   ", unless you say otherwise");
  }
  for (PromptNode& node : added) prompt.nodes.push_back(std::move(node));
  return done;
}

}  // namespace easel::techniques
