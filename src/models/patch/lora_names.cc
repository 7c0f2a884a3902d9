#include "models/patch/lora_names.h"

#include <algorithm>
#include <array>

#include "models/weights/key_names.h"

namespace easel::models {
namespace {

using Pair = std::pair<const char*, const char*>;

// Endings of tensor names and the role in the module that each means. An ending stands before its own suffixes.
constexpr std::array<Pair, 51> kEndings = {{
    {".lora_linear_layer.up.weight", "lora_up"},
    {".lora_linear_layer.down.weight", "lora_down"},
    {".lora_layer.up.weight", "lora_up"},
    {".lora_layer.down.weight", "lora_down"},
    {".lora_up.weight", "lora_up"},
    {".lora_down.weight", "lora_down"},
    {".lora_mid.weight", "lora_mid"},
    {"_lora.up.weight", "lora_up"},
    {"_lora.down.weight", "lora_down"},
    {".lora.up.weight", "lora_up"},
    {".lora.down.weight", "lora_down"},
    {".lora_B.weight", "lora_up"},
    {".lora_B.bias", "lora_bias"},
    {".lora_A.weight", "lora_down"},
    {".lora_B", "lora_up"},
    {".lora_A", "lora_down"},
    {".lora_magnitude_vector.weight", "magnitude"},
    {".lora_magnitude_vector", "magnitude"},
    {"_lora.alpha", "alpha"},
    {".lora.alpha", "alpha"},
    {".alpha", "alpha"},
    {".dora_scale", "dora_scale"},
    {".reshape_weight", "reshape_weight"},
    {".hada_w1_a", "hada_w1_a"},
    {".hada_w1_b", "hada_w1_b"},
    {".hada_w2_a", "hada_w2_a"},
    {".hada_w2_b", "hada_w2_b"},
    {".hada_t1", "hada_t1"},
    {".hada_t2", "hada_t2"},
    {".lokr_w1_a", "lokr_w1_a"},
    {".lokr_w1_b", "lokr_w1_b"},
    {".lokr_w2_a", "lokr_w2_a"},
    {".lokr_w2_b", "lokr_w2_b"},
    {".lokr_w1", "lokr_w1"},
    {".lokr_w2", "lokr_w2"},
    {".lokr_t2", "lokr_t2"},
    {".a1.weight", "a1"},
    {".a2.weight", "a2"},
    {".b1.weight", "b1"},
    {".b2.weight", "b2"},
    {".oft_blocks", "oft_blocks"},
    {".oft_R.weight", "oft_r"},
    {".oft_R", "oft_r"},
    {".ia3_l.weight", "ia3"},
    {".ia3_l", "ia3"},
    {".rescale", "rescale"},
    {".w_norm", "w_norm"},
    {".b_norm", "b_norm"},
    {".diff_b", "diff_b"},
    {".diff", "diff"},
    {".set_weight", "set_weight"},
}};

std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

// PEFT puts the adapter's name into its tensors': ".lora_A.default.weight" -> ".lora_A.weight".
std::string without_adapter(const std::string& tensor) {
  for (const char* part : {".lora_A.", ".lora_B.", ".lora_magnitude_vector.", ".oft_R.", ".ia3_l."}) {
    const size_t at = tensor.rfind(part);
    if (at == std::string::npos) continue;
    const size_t after = at + std::string_view(part).size();
    const std::string rest = tensor.substr(after);
    if (rest == "weight" || rest == "bias") return tensor;
    if (rest.ends_with(".bias") && rest.find('.') == rest.size() - 5) return tensor.substr(0, after) + "bias";
    if (rest.ends_with(".weight") && rest.find('.') == rest.size() - 7) return tensor.substr(0, after) + "weight";
    if (rest.find('.') == std::string::npos) return tensor.substr(0, after - 1);
  }
  return tensor;
}

}  // namespace

std::optional<std::pair<std::string, std::string>> lora_role(const std::string& given) {
  const std::string tensor = without_adapter(given);
  for (const auto& [ending, role] : kEndings)
    if (tensor.ends_with(ending))
      return std::pair(tensor.substr(0, tensor.size() - std::string_view(ending).size()), std::string(role));
  return std::nullopt;
}

std::string without_wrappers(const std::string& module) {
  std::string name = replaced(replaced(module, "_orig_mod.", ""), "base_model.model.", "");
  for (const char* wrapper : {"model.diffusion_model."})  // as checkpoints name it
    if (name.starts_with(wrapper)) name = name.substr(6);
  return name;
}

std::vector<std::string> unet_lora_names(const std::string& module, const std::string& diffusers) {
  std::vector<std::string> names = {"lora_unet_" + underscored(module), "diffusion_model." + module};
  std::vector<std::string> dotted = {module};
  if (!diffusers.empty()) {
    names.push_back("lora_unet_" + underscored(diffusers));
    // Attention processors: ".to_q" stands as ".processor.to_q", and the output without its ".0".
    std::string processor = replaced(diffusers, ".to_", ".processor.to_");
    if (processor.ends_with(".to_out.0")) processor.resize(processor.size() - 2);
    dotted.insert(dotted.end(), {processor, diffusers});
  }
  for (const char* prefix : {"unet.", "", "lora_unet.", "transformer."})
    for (const std::string& name : dotted) names.push_back(prefix + name);
  for (const char* prefix : {"lycoris_", "oft_unet_"})
    for (const std::string& name : {diffusers, module})
      if (!name.empty()) names.push_back(prefix + underscored(name));
  return names;
}

std::vector<std::string> text_lora_names(const std::string& module, TextTowerKind kind, bool beside_l) {
  std::vector<std::string> names;
  const std::string flat = underscored(module);
  if (beside_l) names = {"lora_te2_" + flat, "text_encoder_2." + module, "lora_te2." + module};
  else
    names = {"lora_te_" + flat,          "lora_te1_" + flat,   "text_encoder." + module,
             "text_encoder_1." + module, "lora_te1." + module, "lora_te." + module,
             "lycoris_" + flat,          "oft_te_" + flat,     module};
  const char* tower = kind == TextTowerKind::kG ? "clip_g" : kind == TextTowerKind::kH ? "clip_h" : "clip_l";
  for (const char* prefix : {"text_encoders.", ""})
    names.push_back(prefix + std::string(tower) + ".transformer." + module);
  // The attention processors of diffusers before 0.15 named the text encoder's projections as the UNet's.
  const std::vector<std::string> present = names;
  for (const auto& [ours, theirs] :
       std::array<Pair, 4>{{{"q_proj", "to_q"}, {"k_proj", "to_k"}, {"v_proj", "to_v"}, {"out_proj", "to_out"}}})
    if (module.ends_with(ours))
      for (const std::string& name : present)
        if (name.starts_with("text_encoder")) names.push_back(replaced(name, ours, theirs));
  return names;
}

namespace {

// Parts of names that only one family has, the more particular first.
constexpr std::array<Pair, 15> kSigns = {{
    {"double_blocks", "Flux"},
    {"single_transformer_blocks", "Flux"},
    {"joint_blocks", "Stable Diffusion 3"},
    {"attn.add_k_proj", "Stable Diffusion 3, Flux or Qwen-Image"},
    {"lora_prior_", "Stable Cascade"},
    {"cross_attn_k", "Wan"},
    {"cross_attn.k", "Wan"},
    {"caption_projection", "PixArt"},
    {"temporal", "AnimateDiff or another model of moving pictures"},
    {"motion_modules", "AnimateDiff or another model of moving pictures"},
    {"lora_te2_", "SDXL"},
    {"text_encoder_2", "SDXL"},
    {"attentions_0_transformer_blocks_9", "SDXL"},
    {"attentions.0.transformer_blocks.9", "SDXL"},
    {"transformer_blocks_9", "SDXL"},
}};

// By the width of what the UNet's second attention reads; empty when the file changes none.
std::string by_context(const StoredTensors& file) {
  for (const auto& [name, tensor] : file) {
    const auto role = lora_role(name);
    if (!role || role->second != "lora_down" || tensor.rank() < 2) continue;
    if (!role->first.ends_with("attn2_to_k") && !role->first.ends_with("attn2.to_k")) continue;
    switch (tensor.dim(1)) {
      case 768: return "Stable Diffusion 1";
      case 1024: return "Stable Diffusion 2";
      case 1280: return "the SDXL refiner";
      case 2048: return "SDXL";
      default: return {};
    }
  }
  return {};
}

}  // namespace

std::string described_keys(const StoredTensors& file) {
  constexpr size_t kShown = 3, kMostOfOne = 120;
  std::string text;
  size_t count = 0;
  for (const auto& [name, tensor] : file) {
    if (count++ >= kShown) continue;
    text += (text.empty() ? "'" : ", '") + (name.size() > kMostOfOne ? name.substr(0, kMostOfOne) + "..." : name) + "'";
  }
  if (count == 0) return "it has no keys";
  std::string out = "its " + std::to_string(count) + (count == 1 ? " key is " : " keys begin with ") + text;
  std::string family = by_context(file);
  for (const auto& [sign, name] : kSigns) {
    if (!family.empty()) break;
    for (const auto& [key, tensor] : file)
      if (key.find(sign) != std::string::npos) {
        family = name;
        break;
      }
  }
  return out + (family.empty() ? "" : ", which look like " + family);
}

}  // namespace easel::models
