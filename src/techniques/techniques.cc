#include "techniques/techniques.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "library/built_in.h"
#include "models/control/controlnet.h"
#include "models/diffusion_model.h"
#include "models/model_reader.h"
#include "models/vision/style_model.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "nodes/standard_table.h"

namespace easel::embedded {
extern const unsigned char techniques_json[];
extern const std::size_t techniques_json_size;
}  // namespace easel::embedded

namespace easel::techniques {
namespace {

using nodes::Outputs;
using workflow::Json;
using workflow::PromptNode;

// {"techniques": [...], "workflows": {name: prompt}}
const Json& shipped() {
  static const Json json =
      workflow::parse_json({reinterpret_cast<const char*>(embedded::techniques_json), embedded::techniques_json_size});
  return json;
}

// Finds for each loader of a workflow the file it is to load, by what the loader gives for it: handles, of which
// nothing is built.
class Chooser {
 public:
  // Among the files that came with the program, or among all others.
  Chooser(engine::Engine& engine, bool built_in) : engine_(engine), built_in_(built_in) {}

  bool built_in() const { return built_in_; }

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
                  [&](const Outputs& made) { return is_style(node.id, made); });
    if (kind == "vision")
      return take(node, "clip_name", "clip_vision", "a CLIP vision encoder that fits",
                  [&](const Outputs& made) { return is_vision(made, reference); });
    if (kind == "control")
      return take(node, "control_net_name", "controlnet", "a ControlNet",
                  [&](const Outputs& made) { return is_control(made, reference); });
    if (kind == "ip")
      return take(node, "ipadapter_file", "ipadapter", "an IP-Adapter (" + sub + ")",
                  [&](const Outputs& made) { return is_adapter(node.id, made, sub, reference); });
    return take(node, "ckpt_name", "checkpoints", checkpoint_words(kind),
                [&](const Outputs& made) { return is_checkpoint(node.id, made, kind); });
  }

  static std::string checkpoint_words(const std::string& kind) {
    if (const models::Family* family = models::find_family(kind))
      return "a checkpoint of " + models::family_name(family);
    return "an unCLIP checkpoint";
  }

  // Puts the first file that is right into an input, the one the workflow names before all others. `right` is given
  // what the loader makes of a file.
  std::string take(PromptNode& node, const char* input, const std::string& folder, const std::string& what,
                   const std::function<bool(const Outputs&)>& right) {
    std::vector<std::string> names = engine_.folders().list(folder);
    std::erase_if(names,
                  [&](const std::string& name) { return engine_.folders().built_in(folder, name) != built_in_; });
    const std::string named = node.inputs.at(input).get<std::string>();
    std::stable_partition(names.begin(), names.end(), [&](const std::string& name) { return name == named; });
    PromptNode asked = node;
    for (const std::string& name : names) {
      const auto file = std::pair(node.class_type, name);
      if (unreadable_.contains(file)) continue;
      asked.inputs[input] = name;
      Outputs made;
      try {
        made = engine_.foresee(asked);
      } catch (const Error&) {  // a file that cannot be loaded is not the one that is looked for
        unreadable_.insert(file);
        continue;
      }
      if (!right(made)) continue;
      node.inputs[input] = name;
      return {};
    }
    return what + " in " + folder + "/ (for example " + named + ")";
  }

  // A VAE file looks the same for SD 1.x and SDXL, so only the one the workflow names will do; else the checkpoint's.
  std::string choose_vae(workflow::Prompt& prompt, PromptNode& node, const std::string& checkpoint) {
    const auto named = node.inputs.at("vae_name").get<std::string>();
    if (engine_.folders().try_find("vae", named) && engine_.folders().built_in("vae", named) == built_in_) return {};
    const std::string id = node.id;
    for (PromptNode& other : prompt.nodes)
      for (auto& [name, value] : other.inputs.items())
        if (const auto link = workflow::as_link(value); link && link->node == id) value = Json::array({checkpoint, 2});
    std::erase_if(prompt.nodes, [&](const PromptNode& n) { return n.id == id; });
    return {};
  }

  bool is_checkpoint(const std::string& node, const Outputs& made, const std::string& kind) {
    const auto& model = made.at(0).as<models::ModelHandle>();
    models_[node] = model;
    // Inpainting models take more channels than these workflows give.
    if (model.net->takes().beside != models::ConditioningTaken::Beside::kNothing) return false;
    if (kind == "unclip") return made.size() > 3 && !made[3].empty();  // its loader gives a CLIP vision encoder
    return model.family().id == kind;
  }
  bool is_style(const std::string& node, const Outputs& made) {
    styles_[node] = made.at(0).as<models::StyleModelHandle>();
    return true;
  }
  bool is_adapter(const std::string& node, const Outputs& made, const std::string& kind, const std::string& model) {
    const auto& adapter = made.at(0).as<nodes::IpPipeline>().adapter;
    adapters_[node] = adapter;
    // There is one built-in adapter, whatever its kind.
    return (built_in_ || kind == models::ip_adapter_kind_name(adapter.config.kind)) &&
           !models::ip_adapter_mismatch(adapter, nullptr, &models_.at(model));
  }
  bool is_control(const Outputs& made, const std::string& model) {
    return !models::control_mismatch(made.at(0).as<models::ControlNetHandle>(), models_.at(model));
  }
  bool is_vision(const Outputs& made, const std::string& user) {
    const auto& vision = made.at(0).as<models::ClipVisionHandle>();
    if (const auto it = adapters_.find(user); it != adapters_.end())
      return !models::ip_adapter_mismatch(it->second, &vision, nullptr);
    if (const auto it = styles_.find(user); it != styles_.end()) return vision.hidden_size == it->second.width;
    const int64_t width = models_.at(user).net->takes().image_width;
    return width > 0 && width == vision.projection_dim;
  }

  engine::Engine& engine_;
  bool built_in_;
  std::set<std::pair<std::string, std::string>> unreadable_;  // class of the loader, name of the file
  std::map<std::string, models::ModelHandle> models_;         // by node, of the technique at hand
  std::map<std::string, models::IpAdapterHandle> adapters_;
  std::map<std::string, models::StyleModelHandle> styles_;
};

const workflow::NodeSpec* spec_of(const workflow::Prompt& prompt, const std::string& id) {
  const PromptNode* node = prompt.find(id);
  return node ? nodes::standard_table().find(node->class_type, node->input_names()) : nullptr;
}

// The inputs of the listed nodes that are declared as text of a prompt, and hold some.
std::vector<WordsSlot> words_in(const workflow::Prompt& prompt, const Json& ids) {
  std::vector<WordsSlot> out;
  for (const Json& item : ids) {
    const auto id = item.get<std::string>();
    const workflow::NodeSpec* spec = spec_of(prompt, id);
    if (!spec) throw Error(Fault::kInternal, "techniques.json names a node '" + id + "' that is not there");
    const Json& given = prompt.find(id)->inputs;
    for (const workflow::InputSpec& input : spec->inputs)
      if (input.names_embeddings && given.contains(input.name) && given.at(input.name).is_string())
        out.push_back({id, input.name});
  }
  return out;
}

bool is_seed(const workflow::Prompt& prompt, const Knob& knob) {
  const workflow::NodeSpec* spec = spec_of(prompt, knob.node);
  const auto* input = spec ? spec->input(knob.input) : nullptr;
  return input && input->control_after_generate;
}

Technique read(const Json& json) {
  Technique t;
  t.name = json.at("name");
  t.title = json.at("title");
  t.summary = json.at("summary");
  t.main_knob = json.at("main");
  for (const auto& p : json.at("pictures")) t.pictures.push_back({p.at("node"), p.at("label")});
  t.prompt = shipped_workflow(t.name);
  t.prompts = words_in(t.prompt, json.at("prompt"));
  t.negatives = words_in(t.prompt, json.at("negative"));
  for (const auto& k : json.at("knobs")) {
    t.knobs.push_back({k.at("node"), k.at("input"), k.at("label"), k.at("meaning")});
    t.knobs.back().seed = is_seed(t.prompt, t.knobs.back());
  }
  return t;
}

// The size of the built-in models, and none of the words they do not know (of what is not wanted).
void make_small(Technique& t) {
  for (PromptNode& node : t.prompt.nodes)
    for (const char* side : {"width", "height"})
      if (node.inputs.contains(side) && node.inputs[side].is_number()) node.inputs[side] = library::kBuiltInSide;
  set_words(t.prompt, t.negatives, "");
}

Technique with_files(Chooser& chooser, const Json& json) {
  Technique t = read(json);
  t.missing = chooser.choose(t.prompt, json.at("files"));
  if (!t.missing.empty()) t.missing = "It needs " + t.missing + ".";
  t.built_in = t.missing.empty() && chooser.built_in();
  if (t.built_in) make_small(t);
  return t;
}

// Those that look among the files of the model folders, and then among those that came with the program.
std::vector<Chooser> choosers(engine::Engine& engine) {
  std::vector<Chooser> out;
  out.emplace_back(engine, false);
  if (engine.folders().has_built_in()) out.emplace_back(engine, true);
  return out;
}

}  // namespace

std::vector<Technique> available(engine::Engine& engine) {
  std::vector<Chooser> all_choosers = choosers(engine);
  std::vector<Technique> all;
  for (const Json& json : shipped().at("techniques")) {
    all.push_back(with_files(all_choosers.front(), json));
    if (all.back().missing.empty() || all_choosers.size() == 1) continue;
    if (Technique small = with_files(all_choosers.back(), json); small.missing.empty()) all.back() = std::move(small);
  }
  return all;
}

Technique first_available(engine::Engine& engine, const std::vector<std::string>& names,
                          std::optional<size_t> pictures) {
  const Json& all = shipped().at("techniques");
  std::string reasons;
  for (Chooser& chooser : choosers(engine)) {
    for (const std::string& name : names) {
      const auto json = std::find_if(all.begin(), all.end(), [&](const Json& t) { return t.at("name") == name; });
      if (json == all.end() || json->at("pictures").size() != pictures.value_or(json->at("pictures").size())) continue;
      Technique t = with_files(chooser, *json);
      if (t.missing.empty()) return t;
      if (!chooser.built_in()) reasons += (reasons.empty() ? "" : " ") + name + ": " + t.missing;
    }
  }
  if (reasons.empty())
    throw Error(Fault::kUsage, "nothing here takes " + std::to_string(pictures.value_or(0)) + " pictures");
  reasons.pop_back();  // an error's text gets its full stop where it is shown
  throw Error(Fault::kMissing, "the model files for this are not there. " + reasons)
      .fix("See docs/models.md for where they go");
}

bool is_technique(const std::string& name) {
  const Json& all = shipped().at("techniques");
  return std::any_of(all.begin(), all.end(), [&](const Json& t) { return t.at("name") == name; });
}

workflow::Prompt shipped_workflow(const std::string& name) {
  const Json& all = shipped().at("workflows");
  if (const auto it = all.find(name); it != all.end()) return workflow::parse_prompt(*it);
  std::string names;
  for (const auto& [known, prompt] : all.items()) names += (names.empty() ? "" : ", ") + known;
  throw Error(Fault::kMissing, "no technique '" + name + "'").fix("There are: " + names);
}

void set_words(workflow::Prompt& prompt, const std::vector<WordsSlot>& slots, const std::string& words) {
  for (const WordsSlot& slot : slots) prompt.find(slot.node)->inputs[slot.input] = words;
}

void set_pictures(workflow::Prompt& prompt, const std::vector<PictureSlot>& slots,
                  const std::vector<std::string>& names) {
  for (size_t i = 0; i < slots.size(); ++i)
    prompt.find(slots[i].node)->inputs["image"] = names.at(std::min(i, names.size() - 1));
}

void set_number(workflow::Prompt& prompt, const std::string& input, const Json& value) {
  for (PromptNode& node : prompt.nodes)
    if (node.inputs.contains(input) && !workflow::as_link(node.inputs[input])) node.inputs[input] = value;
}

namespace {

Json to_json(const std::vector<WordsSlot>& slots) {
  Json out = Json::array();
  for (const WordsSlot& slot : slots) out.push_back({{"node", slot.node}, {"input", slot.input}});
  return out;
}

}  // namespace

Json to_json(const Technique& t) {
  Json pictures = Json::array(), knobs = Json::array();
  for (const auto& p : t.pictures) pictures.push_back({{"node", p.node}, {"label", p.label}});
  for (const auto& k : t.knobs)
    knobs.push_back(
        {{"node", k.node}, {"input", k.input}, {"label", k.label}, {"meaning", k.meaning}, {"seed", k.seed}});
  return {{"name", t.name},
          {"title", t.title},
          {"summary", t.summary},
          {"pictures", std::move(pictures)},
          {"prompts", to_json(t.prompts)},
          {"negatives", to_json(t.negatives)},
          {"knobs", std::move(knobs)},
          {"main_knob", t.main_knob},
          {"missing", t.missing},
          {"built_in", t.built_in},
          {"prompt", workflow::to_json(t.prompt, true)}};
}

}  // namespace easel::techniques
