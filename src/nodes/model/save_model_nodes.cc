// Nodes that write models into files.
#include "formats/tensors/safetensors_stream.h"
#include "models/checkpoint/saving.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kCategory = "advanced/model_merging";

struct Named {
  std::string filename_prefix;
};
struct SaveCheckpoint : Named {
  SaveCheckpoint() : Named{"checkpoints/ComfyUI"} {}
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
  Linked<VaeHandle> vae;
};
struct SaveModel : Named {
  SaveModel() : Named{"diffusion_models/ComfyUI"} {}
  Linked<ModelHandle> model;
};
struct SaveClip : Named {
  SaveClip() : Named{"clip/ComfyUI"} {}
  Linked<ClipHandle> clip;
};
struct SaveVae : Named {
  SaveVae() : Named{"vae/ComfyUI_vae"} {}
  Linked<VaeHandle> vae;
};

// The last part of a prefix with its words filled in, for titles.
std::string title_of(const std::string& prefix) {
  const size_t slash = prefix.find_last_of("/\\");
  return slash == std::string::npos ? prefix : prefix.substr(slash + 1);
}

void write(Call& call, const std::string& prefix, const models::SavedTensors& tensors, formats::Metadata metadata) {
  for (const auto& [name, text] : call.context().picture_text) metadata[name] = text;
  std::vector<formats::TensorSpec> specs;
  for (const models::SavedTensor& tensor : tensors) specs.push_back(tensor.spec);
  const artifacts::ContentPieces content = [&](const std::function<void(std::string_view)>& take) {
    formats::stream_safetensors(
        specs, metadata, [&](size_t i) { return tensors[i].make(); }, take);
  };
  show_saved(call, "models",
             call.context().artifacts.put_numbered(artifacts::Area::kOutput, prefix, "safetensors", content));
}

void write(Call& call, const std::string& prefix, const models::SavedModel& model) {
  write(call, prefix, model.tensors, model.metadata);
}

// Widths and heights in a prefix are those of pictures; there are none here, as in ComfyUI.
std::string prefix_of(const Named& in, Call& call) { return expand_prefix(in.filename_prefix, 0, 0, call.context()); }

void save_checkpoint(const SaveCheckpoint& in, Call& call) {
  const std::string prefix = prefix_of(in, call);
  write(call, prefix, models::checkpoint_to_save(*in.model, &*in.clip, &*in.vae, title_of(prefix)));
}

void save_model(const SaveModel& in, Call& call) {
  const std::string prefix = prefix_of(in, call);
  write(call, prefix, models::checkpoint_to_save(*in.model, nullptr, nullptr, title_of(prefix)));
}

void save_clip(const SaveClip& in, Call& call) {
  const std::string prefix = prefix_of(in, call);
  for (const models::SavedTower& tower : models::text_towers_to_save(*in.clip))
    write(call, prefix + "_" + tower.name, tower.tensors, {{"format", "pt"}});
}

void save_vae(const SaveVae& in, Call& call) { write(call, prefix_of(in, call), models::vae_to_save(*in.vae), {}); }

template <class P>
void add(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs,
         void (*run)(const P&, Call&)) {
  inputs.push_back(Text("filename_prefix", &P::filename_prefix).names_saved_files());
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = kCategory,
                      .description = description,
                      .inputs = std::move(inputs),
                      .output_node = true,
                      .hidden_prompt = true,
                      .run = run});
}

}  // namespace

void register_save_model_nodes(Table& table) {
  add<SaveCheckpoint>(
      table, "CheckpointSave", "Save Checkpoint",
      "Writes a model, its text encoder and VAE as one checkpoint into the output folder, with LoRAs and "
      "merges in it. Weights have the type that they have in the model's own file.",
      {Link("model", &SaveCheckpoint::model), Link("clip", &SaveCheckpoint::clip), Link("vae", &SaveCheckpoint::vae)},
      save_checkpoint);
  add<SaveClip>(
      table, "CLIPSave", "CLIPSave",
      "Writes a text encoder into the output folder, a file for each of its towers (_clip_l, _clip_g, _clip_h).",
      {Link("clip", &SaveClip::clip)}, save_clip);
  add<SaveVae>(table, "VAESave", "VAESave", "Writes a VAE into the output folder.", {Link("vae", &SaveVae::vae)},
               save_vae);
  add<SaveModel>(table, "ModelSave", "ModelSave",
                 "Writes a model without text encoder and VAE into the output folder, with LoRAs and merges in it.",
                 {Link("model", &SaveModel::model)}, save_model);
}

}  // namespace easel::nodes
