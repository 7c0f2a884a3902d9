#include "models/clip_describe.h"

#include "models/style_model.h"

namespace easel::models {
namespace {

// Runs a reader and keeps the first complaint.
template <class Read>
void attempt(ClipFacts& facts, const Read& read) {
  try {
    read();
  } catch (const Error& e) {
    if (facts.problem.empty()) facts.problem = e.message();
  }
}

std::string adapter_line(const IpAdapterConfig& c) {
  const auto layers = std::to_string(c.layer_widths.size());
  const std::string tokens = c.tokens > 0 ? std::to_string(c.tokens) + " tokens" : "a token per hidden state";
  return std::string("IP-Adapter, ") + ip_adapter_kind_name(c.kind) + ": takes " +
         (c.takes_hidden_states() ? "hidden states" : "image embeds") + " of width " + std::to_string(c.clip_width) +
         ", gives " + tokens + " of width " + std::to_string(c.token_width) + " to " + layers + " cross-attentions" +
         (c.layer_widths.size() == 16   ? " (SD 1.x)"
          : c.layer_widths.size() == 70 ? " (SDXL)"
                                        : "");
}

}  // namespace

ClipFacts clip_facts(const TensorMap& file, const std::string& file_name) {
  ClipFacts facts;
  attempt(facts, [&] {
    for (const TextTowerTensors& tower : find_text_towers(file)) {
      const auto config = read_clip_text_config(nn::Weights(tower.tensors, DType::kF32, file_name));
      facts.text.push_back({tower.kind, tower.prefix, config.width, config.layers});
    }
  });
  if (is_clip_vision(file)) {
    attempt(facts, [&] {
      const auto tensors = vision_tower_tensors(file, find_vision_tower(file).prefix);
      if (tensors) facts.vision = read_clip_vision_config(nn::Weights(tensors, DType::kF32, file_name));
    });
  }
  if (is_ip_adapter(file)) attempt(facts, [&] { facts.ip_adapter = read_ip_adapter_config(file, file_name); });
  if (is_style_model(file)) {
    attempt(facts, [&] {
      const StyleShape shape = read_style_shape(file, file_name);
      facts.style = StyleFacts{shape.width, shape.context_dim, shape.tokens};
    });
  }
  return facts;
}

bool is_clip_vision(const TensorMap& file) { return find_vision_tower(file).found; }

bool is_clip_text(const TensorMap& file) { return !find_text_towers(file).empty(); }

std::string describe_clip_file(const ClipFacts& facts) {
  if (facts.ip_adapter) return adapter_line(*facts.ip_adapter);
  if (facts.style)
    return "style model: takes hidden states of width " + std::to_string(facts.style->width) + ", gives " +
           std::to_string(facts.style->tokens) + " tokens of width " + std::to_string(facts.style->context_dim);
  if (facts.vision)
    return std::string("CLIP vision ") + facts.vision->name() + ": hidden states " +
           std::to_string(facts.vision->width) + ", image embeds " + std::to_string(facts.vision->projection);
  std::string out;
  for (const TextTowerFacts& t : facts.text)
    out += (out.empty() ? "text encoder " : " and ") + std::string(text_tower_name(t.kind)) + ", width " +
           std::to_string(t.width);
  return out;
}

}  // namespace easel::models
