// Pictures made larger by networks trained for it.
#include <algorithm>

#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"

namespace easel::nodes {
namespace {

Outputs load(Call& call) {
  const auto file = open_model(call, "upscale_models", call.text("model_name"));
  return {Value("UPSCALE_MODEL",
                models::load_upscaler(call.context().residency, *file->tensors, call.context().compute, file->name()))};
}

Outputs enlarge(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const auto model = call.link<models::UpscalerHandle>("upscale_model").model->get();
  memory::Residency& residency = call.context().residency;
  models::UpscaleRun run;
  run.memory_budget = residency.room();
  const int64_t tile = models::upscale_tile(*model, run.memory_budget);
  const auto memory = residency.hold(
      model->memory_estimate(std::min(tile, pixels.dim(1)), std::min(tile, pixels.dim(2))), "upscaler at work");
  run.progress = [&call](int done, int total) { call.part_done(done, total); };
  return {image(models::upscale(*model, pixels, run))};
}

Outputs foresee_enlarge(Call& call) {
  const auto* known = call.peek<ForeseenPicture>("image");
  const auto* upscaler = call.peek<models::UpscalerHandle>("upscale_model");
  if (!known || !upscaler) return {};
  const int64_t scale = upscaler->config.scale;
  return {Value("IMAGE", ForeseenPicture{known->width * scale, known->height * scale, known->count})};
}

}  // namespace

void register_upscale_nodes(Table& table) {
  table.add({.name = "UpscaleModelLoader",
             .display = "Load Upscale Model",
             .category = "loaders",
             .description = "Loads a network that enlarges pictures: ESRGAN, Real-ESRGAN and those trained like them, "
                            "and compact ones.",
             .inputs = {File("model_name", "upscale_models")},
             .outputs = {{"UPSCALE_MODEL"}},
             .cheap = true,
             .run = load});
  table.add({.name = "ImageUpscaleWithModel",
             .display = "Upscale Image (using Model)",
             .category = "image/upscaling",
             .description = "Enlarges pictures with an upscale model, by the factor it was trained for.",
             .inputs = {Link("upscale_model", "UPSCALE_MODEL"), Link("image", "IMAGE")},
             .outputs = {{"IMAGE"}},
             .run = enlarge,
             .foresee = foresee_enlarge});
}

}  // namespace easel::nodes
