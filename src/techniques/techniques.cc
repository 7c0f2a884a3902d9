#include "techniques/techniques.h"

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>

#include "formats/tensors/model_file.h"
#include "memory/resident.h"
#include "models/checkpoint/checkpoint.h"
#include "models/control/controlnet.h"
#include "models/ip_adapter/ip_adapter.h"
#include "models/vision/clip_vision.h"
#include "models/vision/noise_augmentation.h"
#include "models/vision/style_model.h"
#include "node_api/table.h"

namespace easel::embedded {
extern const unsigned char techniques_json[];
extern const std::size_t techniques_json_size;
}  // namespace easel::embedded

namespace easel::techniques {
namespace {

using workflow::Json;
using workflow::PromptNode;

// {"techniques": [...], "workflows": {name: prompt}}
const Json& shipped() {
  static const Json json =
      workflow::parse_json({reinterpret_cast<const char*>(embedded::techniques_json), embedded::techniques_json_size});
  return json;
}

// Finds for each loader of a workflow the file it is to load. What is loaded is looked at through handles, of which
// nothing is ever built.
class Chooser {
 public:
  Chooser(const library::Folders& folders, nodes::ModelFiles& files) : folders_(folders), files_(files) {}

  // `wanted`: node id to what its file must be; an entry that depends on another comes after it.
  // Returns what is missing, or "".
  std::string choose(workflow::Prompt& prompt, const Json& wanted) {
    models_.clear();
    adapters_.clear();
    styles_.clear();
    for (const auto& [id, want] : wanted.items()) {
      PromptNode* node = prompt.find(id);
      if (!node) throw Error(Fault::kInternal, "techniques.json names a node '" + id + "' that is not there");
      std::string missing = choose(prompt, *node, want.get<std::string>());
      if (!missing.empty()) return missing;
    }
    return {};
  }

 private:
  std::string choose(workflow::Prompt& prompt, PromptNode& node, const std::string& want) {
    std::istringstream words(want);
    std::string kind, sub, reference;
    words >> kind >> sub;
    if (kind == "ip") words >> reference >> reference;  // "ip plus for 1"
    else words >> reference;                            // "vision for 4", "vae of 2"
    if (kind == "vae") return choose_vae(prompt, node, reference.empty() ? "1" : reference);
    if (kind == "style")
      return take(node, "style_model_name", "style_models", "a style model",
                  [&](const std::string& name) { return is_style(node.id, name); });
    if (kind == "vision")
      return take(node, "clip_name", "clip_vision", "a CLIP vision encoder that fits",
                  [&](const std::string& name) { return is_vision(name, reference); });
    if (kind == "control")
      return take(node, "control_net_name", "controlnet", "a ControlNet",
                  [&](const std::string& name) { return is_control(name, reference); });
    if (kind == "ip")
      return take(node, "ipadapter_file", "ipadapter", "an IP-Adapter (" + sub + ")",
                  [&](const std::string& name) { return is_adapter(node.id, name, sub, reference); });
    return take(node, "ckpt_name", "checkpoints", checkpoint_words(kind),
                [&](const std::string& name) { return is_checkpoint(node.id, name, kind); });
  }

  static std::string checkpoint_words(const std::string& kind) {
    if (kind == "sd1") return "a checkpoint of SD 1.x";
    if (kind == "sdxl") return "a checkpoint of SDXL";
    if (kind == "refiner") return "the SDXL refiner";
    return "an SD 2.1 unCLIP checkpoint";
  }

  // Puts the first file that is right into an input, the one the workflow names before all others.
  std::string take(PromptNode& node, const char* input, const std::string& folder, const std::string& what,
                   const std::function<bool(const std::string&)>& right) {
    std::vector<std::string> names = folders_.list(folder);
    const std::string named = node.inputs.at(input).get<std::string>();
    std::stable_partition(names.begin(), names.end(), [&](const std::string& name) { return name == named; });
    for (const std::string& name : names) {
      try {
        if (!right(name)) continue;
        node.inputs[input] = name;
        return {};
      } catch (const Error&) {
        continue;  // a file that cannot be read is not the one that is looked for
      }
    }
    return what + " in " + folder + "/ (for example " + named + ")";
  }

  // A VAE file looks the same for SD 1.x and SDXL, so only the one the workflow names will do; else the checkpoint's.
  std::string choose_vae(workflow::Prompt& prompt, PromptNode& node, const std::string& checkpoint) {
    if (folders_.try_find("vae", node.inputs.at("vae_name").get<std::string>())) return {};
    const std::string id = node.id;
    for (PromptNode& other : prompt.nodes)
      for (auto& [name, value] : other.inputs.items())
        if (const auto link = workflow::as_link(value); link && link->node == id) value = Json::array({checkpoint, 2});
    std::erase_if(prompt.nodes, [&](const PromptNode& n) { return n.id == id; });
    return {};
  }

  // Nobody else may hold the file, so the caller must.
  std::shared_ptr<const TensorMap> tensors(const std::string& folder, const std::string& name) {
    return open(folder, name)->tensors;
  }
  std::shared_ptr<const formats::ModelFile> open(const std::string& folder, const std::string& name) {
    return files_.open(folders_.find(folder, name));
  }

  bool is_checkpoint(const std::string& node, const std::string& name, const std::string& kind) {
    const auto path = folders_.find("checkpoints", name);
    auto it = checkpoints_.find(path);
    if (it == checkpoints_.end())
      it = checkpoints_.emplace(path, models::load_checkpoint(path, residency_, DType::kF32)).first;
    const models::Family family = it->second.model.family;
    models_[node] = it->second.model;
    // Inpainting models take more channels than these workflows give.
    if (it->second.model.config.in_channels != 4) return false;
    if (kind == "sd1") return family == models::Family::kSD1;
    if (kind == "sdxl") return family == models::Family::kSDXL;
    if (kind == "refiner") return family == models::Family::kSDXLRefiner;
    return it->second.clip_vision.has_value();
  }
  bool is_style(const std::string& node, const std::string& name) {
    styles_[node] = models::load_style_model(residency_, *tensors("style_models", name), DType::kF32, name);
    return true;
  }
  bool is_adapter(const std::string& node, const std::string& name, const std::string& kind, const std::string& model) {
    const auto adapter = models::load_ip_adapter(residency_, open("ipadapter", name)->tensors, DType::kF32, name);
    adapters_[node] = adapter;
    return kind == models::ip_adapter_kind_name(adapter.config.kind) &&
           models::ip_adapter_mismatch(adapter, nullptr, &models_.at(model)).empty();
  }
  bool is_control(const std::string& name, const std::string& model) {
    return models::control_mismatch(models::load_controlnet(folders_.find("controlnet", name), residency_, DType::kF32),
                                    models_.at(model))
        .empty();
  }
  bool is_vision(const std::string& name, const std::string& user) {
    const auto vision = models::find_clip_vision(residency_, *tensors("clip_vision", name), DType::kF32, name);
    if (const auto it = adapters_.find(user); it != adapters_.end())
      return models::ip_adapter_mismatch(it->second, &vision, nullptr).empty();
    if (const auto it = styles_.find(user); it != styles_.end()) return vision.hidden_size == it->second.width;
    const auto& augmentation = models_.at(user).noise_augmentation;
    return augmentation && augmentation->dim() == vision.projection_dim;
  }

  const library::Folders& folders_;
  nodes::ModelFiles& files_;
  memory::Residency residency_;
  std::map<std::filesystem::path, models::Checkpoint> checkpoints_;
  std::map<std::string, models::ModelHandle> models_;  // by node, of the technique at hand
  std::map<std::string, models::IpAdapterHandle> adapters_;
  std::map<std::string, models::StyleModelHandle> styles_;
};

std::vector<std::string> strings(const Json& list) {
  std::vector<std::string> out;
  if (list.is_array())
    for (const auto& item : list) out.push_back(item.get<std::string>());
  return out;
}

Technique read(const Json& json) {
  Technique t;
  t.name = json.at("name");
  t.title = json.at("title");
  t.summary = json.at("summary");
  t.main_knob = json.at("main");
  t.prompts = strings(json.at("prompt"));
  t.negatives = strings(json.at("negative"));
  for (const auto& p : json.at("pictures")) t.pictures.push_back({p.at("node"), p.at("label")});
  for (const auto& k : json.at("knobs"))
    t.knobs.push_back({k.at("node"), k.at("input"), k.at("label"), k.at("meaning")});
  t.prompt = shipped_workflow(t.name);
  return t;
}

}  // namespace

std::vector<Technique> available(const library::Folders& folders, nodes::ModelFiles& files) {
  Chooser chooser(folders, files);
  std::vector<Technique> all;
  for (const Json& json : shipped().at("techniques")) {
    Technique t = read(json);
    t.missing = chooser.choose(t.prompt, json.at("files"));
    if (!t.missing.empty()) t.missing = "It needs " + t.missing + ".";
    all.push_back(std::move(t));
  }
  return all;
}

workflow::Prompt shipped_workflow(const std::string& name) {
  const Json& all = shipped().at("workflows");
  if (const auto it = all.find(name); it != all.end()) return workflow::parse_prompt(*it);
  std::string names;
  for (const auto& [known, prompt] : all.items()) names += (names.empty() ? "" : ", ") + known;
  throw Error(Fault::kMissing, "no technique '" + name + "'").fix("There are: " + names);
}

Json to_json(const Technique& t) {
  Json pictures = Json::array(), knobs = Json::array();
  for (const auto& p : t.pictures) pictures.push_back({{"node", p.node}, {"label", p.label}});
  for (const auto& k : t.knobs)
    knobs.push_back({{"node", k.node}, {"input", k.input}, {"label", k.label}, {"meaning", k.meaning}});
  return {{"name", t.name},
          {"title", t.title},
          {"summary", t.summary},
          {"pictures", std::move(pictures)},
          {"prompts", t.prompts},
          {"negatives", t.negatives},
          {"knobs", std::move(knobs)},
          {"main_knob", t.main_knob},
          {"missing", t.missing},
          {"prompt", workflow::to_json(t.prompt, true)}};
}

}  // namespace easel::techniques
