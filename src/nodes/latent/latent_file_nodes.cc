// Latents in files: safetensors files in ComfyUI's form, with a single tensor.
#include "base/error.h"
#include "formats/tensors/safetensors.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr const char* kTensor = "latent_tensor";
// If a file has an empty tensor of this name, its latent is as the VAE encoded it. Older files lack it; their latents
// are scaled for the model, which was always of Stable Diffusion 1 then.
constexpr const char* kUnscaled = "latent_format_version_0";

struct Save {
  Linked<Latent> samples;
  std::string filename_prefix = "latents/ComfyUI";
};

void save(const Save& in, Call& call) {
  const Latent& latent = *in.samples;
  const Context& context = call.context();
  TensorMap tensors;
  tensors.set(kTensor, contiguous(latent.samples.permute({0, 3, 1, 2})));
  tensors.set(kUnscaled, Tensor(Shape{0}));
  formats::Metadata metadata;
  for (const auto& [name, text] : context.picture_text) metadata[name] = text;
  const int64_t factor = format_of(latent).factor;
  const std::string name =
      expand_prefix(in.filename_prefix, latent.samples.dim(2) * factor, latent.samples.dim(1) * factor, context);
  const std::string content = formats::encode_safetensors(tensors, metadata);
  show_saved(call, "latents", call.context().artifacts.put_numbered(artifacts::Area::kOutput, name, "latent", content));
}

struct Load {
  std::string latent;
};

// Opens a file and returns its tensors. Throws Error(kBadFile) if none of them is a latent.
StoredTensors open_latent(const Call& call, const std::string& name) {
  const auto path = find_latent(call.context().artifacts, name);
  StoredTensors tensors = formats::read_safetensors(MappedFile::open(path));
  const StoredTensor* found = tensors.find(kTensor);
  if (!found || found->rank() != 4 || found->numel() == 0)
    throw Error(Fault::kBadFile, "this file holds no latent").in_file(path.string()).at_input("latent");
  return tensors;
}

Foreseen<Latent> foresee_load(const Known<Load>& in, Call& call) {
  const StoredTensors tensors = open_latent(call, in(&Load::latent));
  const StoredTensor& found = *tensors.find(kTensor);
  return {ForeseenLatent{.count = found.dim(0),
                         .height = found.dim(2),
                         .width = found.dim(3),
                         .channels = found.dim(1),
                         .factor = models::default_latents().factor}};
}

Results<Latent> load(const Load& in, Call& call) {
  const StoredTensors tensors = open_latent(call, in.latent);
  const StoredTensor* found = tensors.find(kTensor);
  const Tensor values = found->decoded();
  Latent out;
  out.samples = clone(values.permute({0, 2, 3, 1}));
  require_unchanged(found->storage());
  if (!tensors.find(kUnscaled)) out.samples = ops::affine(out.samples, 1.0f / models::default_latents().scale);
  return {std::move(out)};
}

}  // namespace

void register_latent_file_nodes(Table& table) {
  table.add(NodeOf<Save>{
      .name = "SaveLatent",
      .category = "_for_testing",
      .description = "Writes latents into the output folder, to be loaded by LoadLatent once they are moved to "
                     "the input folder.",
      .inputs = {Link("samples", &Save::samples), Text("filename_prefix", &Save::filename_prefix).names_saved_files()},
      .output_node = true,
      .hidden_prompt = true,
      .run = save});
  table.add(NodeOf<Load>{.name = "LoadLatent",
                         .category = "_for_testing",
                         .description = "Reads latents that SaveLatent wrote, from the input folder.",
                         .inputs = {File("latent", &Load::latent, workflow::kInputLatents)},
                         .run = load,
                         .foresee = foresee_load});
}

}  // namespace easel::nodes
