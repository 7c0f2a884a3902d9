// Latents enlarged by a network (ComfyUi_NNLatentUpscale).
#include "models/upscale/latent_resizer.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "latent_upscale_models";

struct Upscale {
  Linked<Latent> latent;
  std::string version = "SDXL";
  double upscale = 1.5;
};

models::LatentResizerHandle load(const std::string& version, Call& call) {
  const auto file = open_published(call, kKind, version == "SDXL" ? "sdxl_resizer.pt" : "sd15_resizer.pt",
                                   "github.com/Ttl/ComfyUi_NNLatentUpscale");
  return models::load_latent_resizer(call.context().residency, *file->tensors, file->name());
}

Results<Latent> upscale(const Upscale& in, Call& call) {
  const Tensor& samples = in.latent->samples;
  const auto model = load(in.version, call).model->get();
  const auto working =
      call.context().residency.hold(model->memory_estimate(samples.shape(), in.upscale), "latent resizer at work");
  Latent out;
  out.format = in.latent->format;
  out.samples = models::enlarged_latents(*model, samples, in.upscale);
  return {std::move(out)};
}

}  // namespace

void register_latent_upscale_nodes(Table& table) {
  table.add(NodeOf<Upscale>{
      .name = "NNLatentUpscale",
      .category = "latent",
      .description = "Enlarges latents by a small network, which keeps them sharper than interpolation does.",
      .origin = "nn-latent-upscale",
      .inputs = {Link("latent", &Upscale::latent), Choice("version", &Upscale::version, {"SDXL", "SD 1.x"}),
                 Float("upscale", &Upscale::upscale).range(1.0, 2.0).step(0.01)},
      .looks_through = {kKind},
      .run = upscale,
      .foresee = [](const Known<Upscale>& in, Call& call) -> Foreseen<Latent> {
        if (!call.awaits("version")) load(in(&Upscale::version), call);
        const ForeseenLatent* known = in(&Upscale::latent);
        if (!known) return {};
        return {in_size(*known, models::resized_latent(size_of(*known), in(&Upscale::upscale)))};
      }});
}

}  // namespace easel::nodes
