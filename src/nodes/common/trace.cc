#include "nodes/common/trace.h"

#include "models/conditioning.h"
#include "models/handles.h"

namespace easel::nodes {
namespace {

void put(TensorMap& trace, const std::string& key, const Tensor& t) {
  if (t.defined()) trace.set(key, contiguous(convert(t, DType::kF32)));
}

}  // namespace

void add_trace(TensorMap& trace, const std::string& node, const Outputs& outputs) {
  for (size_t slot = 0; slot < outputs.size(); ++slot) {
    const Value& value = outputs[slot];
    if (value.empty()) continue;
    const std::string key = node + "." + std::to_string(slot) + "." + value.type();
    if (const auto* tensor = value.get<Tensor>()) {
      put(trace, key, *tensor);
    } else if (const auto* latent = value.get<Latent>()) {
      put(trace, key + ".samples", latent->samples.permute({0, 3, 1, 2}));
    } else if (const auto* conditioning = value.get<models::Conditioning>()) {
      for (size_t i = 0; i < conditioning->size(); ++i) {
        const std::string entry = key + "." + std::to_string(i);
        put(trace, entry + ".cond", (*conditioning)[i].cond);
        put(trace, entry + ".pooled_output", (*conditioning)[i].pooled_output);
      }
    } else if (const auto* vision = value.get<models::ClipVisionOutput>()) {
      put(trace, key + ".image_embeds", vision->image_embeds);
      put(trace, key + ".penultimate_hidden_states", vision->penultimate_hidden_states);
      put(trace, key + ".last_hidden_state", vision->last_hidden_state);
    }
  }
}

}  // namespace easel::nodes
