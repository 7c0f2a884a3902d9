// Nodes that upscale pictures with networks.
#include <algorithm>

#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"

namespace easel::nodes {
namespace {

using models::UpscalerHandle;

struct Load {
  std::string model_name;
};

Results<UpscalerHandle> load(const Load& in, Call& call) {
  const auto file = open_model(call, "upscale_models", in.model_name);
  return {models::load_upscaler(call.context().residency, *file->tensors, call.context().compute, file->name())};
}

struct Enlarge {
  Linked<UpscalerHandle> upscale_model;
  Linked<Image> image;
};

Results<Image> enlarge(const Enlarge& in, Call& call) {
  const Tensor& pixels = *in.image;
  const auto model = in.upscale_model->model->get();
  memory::Residency& residency = call.context().residency;
  models::UpscaleRun run;
  const int64_t largest = models::upscale_tile(*model, 0);
  run.memory_budget = residency.room(model->memory_estimate(largest, largest));
  const int64_t tile = models::upscale_tile(*model, run.memory_budget);
  const auto memory = residency.hold(
      model->memory_estimate(std::min(tile, pixels.dim(1)), std::min(tile, pixels.dim(2))), "upscaler at work");
  run.progress = [&call](int done, int total) { call.part_done(done, total); };
  return {models::upscale(*model, pixels, run)};
}

Foreseen<Image> foresee_enlarge(const Known<Enlarge>& in) {
  const ForeseenPicture* known = in(&Enlarge::image);
  const UpscalerHandle* upscaler = in(&Enlarge::upscale_model);
  if (!known || !upscaler) return {};
  const int64_t scale = upscaler->config.scale;
  return {ForeseenPicture{known->width * scale, known->height * scale, known->count}};
}

}  // namespace

void register_upscale_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "UpscaleModelLoader",
                         .display = "Load Upscale Model",
                         .category = "loaders",
                         .description =
                             "Loads a network that enlarges pictures: ESRGAN, Real-ESRGAN and those trained like them, "
                             "compact ones, SwinIR, HAT, DAT and OmniSR.",
                         .inputs = {File("model_name", &Load::model_name, "upscale_models")},
                         .runs_when_checked = true,
                         .run = load});
  table.add(NodeOf<Enlarge>{.name = "ImageUpscaleWithModel",
                            .display = "Upscale Image (using Model)",
                            .category = "image/upscaling",
                            .description = "Enlarges pictures with an upscale model, by the factor it was trained for.",
                            .inputs = {Link("upscale_model", &Enlarge::upscale_model), Link("image", &Enlarge::image)},
                            .run = enlarge,
                            .foresee = foresee_enlarge});
}

}  // namespace easel::nodes
