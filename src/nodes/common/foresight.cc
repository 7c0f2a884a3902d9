#include "nodes/common/foresight.h"

#include <filesystem>
#include <set>

#include "memory/resident.h"
#include "models/control/control_lora.h"
#include "models/control/controlnet.h"
#include "models/diffusion_model.h"
#include "models/gligen/gligen.h"

namespace easel::nodes {

std::string base_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

ForeseenConditioning join(ForeseenConditioning a, const ForeseenConditioning& b) {
  if (a.context_dim == 0) {
    a.context_dim = b.context_dim;
    a.text_file = b.text_file;
  }
  a.controls.insert(a.controls.end(), b.controls.begin(), b.controls.end());
  a.gligens.insert(a.gligens.end(), b.gligens.begin(), b.gligens.end());
  a.unclip.insert(a.unclip.end(), b.unclip.begin(), b.unclip.end());
  return a;
}

namespace {

std::string model_words(const models::ModelHandle& model) {
  return base_name(model.file) + " (" + models::family_name(&model.family()) + ")";
}

void require_text(const models::ModelHandle& model, const ForeseenConditioning& c) {
  const int64_t width = model.net->takes().text_width;
  if (c.context_dim == 0 || c.context_dim == width) return;
  throw Error(Fault::kMismatch, "the text encoder of " + base_name(c.text_file) + " makes rows of " +
                                    std::to_string(c.context_dim) + " numbers, but " + model_words(model) + " takes " +
                                    std::to_string(width))
      .fix("Use the CLIP output of the loader that loads " + base_name(model.file));
}

void require_unclip(const models::ModelHandle& model, const ForeseenConditioning& c) {
  const models::ConditioningTaken& takes = model.net->takes();
  for (const auto& vision : c.unclip) {
    const std::string width = std::to_string(vision.projection_dim);
    if (takes.image_width == 0)
      throw Error(Fault::kMismatch,
                  "unCLIP conditioning was made for " + model_words(model) + ", which takes no picture in that way")
          .fix("It works with unCLIP checkpoints (sd21-unclip-h, sd21-unclip-l) and, as Revision, with SDXL");
    if (vision.projection_dim != 0 && takes.image_width != vision.projection_dim)
      throw Error(Fault::kMismatch, base_name(vision.file) + " describes a picture in " + width + " numbers, but " +
                                        model_words(model) + " takes " + std::to_string(takes.image_width))
          .fix(std::string(takes.image_encoder));
  }
}

void require_controls(const models::ModelHandle& model, const ForeseenConditioning& c) {
  for (const auto& control : c.controls)
    if (const auto misfit = models::control_mismatch(control, model)) throw Error(*misfit);
}

void require_boxes(const models::ModelHandle& model, const ForeseenConditioning& c) {
  for (const auto& net : c.gligens)
    if (const auto misfit = models::gligen_mismatch(net, model)) throw Error(*misfit);
}

}  // namespace

void require_fit(const models::ModelHandle& model, const ForeseenConditioning& c, std::string_view input) {
  try {
    require_text(model, c);
    require_unclip(model, c);
    require_controls(model, c);
    require_boxes(model, c);
  } catch (Error& e) {
    e.at_input(std::string(input));
    throw;
  }
}

void require_memory(const Call& call, const models::ModelHandle& model, const ForeseenConditioning& conditioning,
                    const ForeseenLatent* latent) {
  size_t bytes = model.net->weights().estimated_bytes();
  std::string name = model.net->weights().name();
  std::set<const memory::ResidentBase*> nets;
  const auto add = [&](const memory::ResidentBase* net) {
    if (!net || !nets.insert(net).second) return;
    bytes += net->estimated_bytes();
    name += " and " + net->name();
  };
  std::vector<models::ControlNetHandle> controls;  // held, so that what is made for this model is not lost at once
  for (const auto& control : conditioning.controls) {
    controls.push_back(models::for_model(control, model));
    add(controls.back().net.get());
  }
  for (const auto& boxes : conditioning.gligens) add(boxes.model.get());
  for (const models::ModelPatchPtr& patch : model.patches)
    if (const models::AttentionHookPtr hook = patch->attention()) add(hook->beside());
  if (latent) {
    bytes += model.net->run_bytes(latent->count, latent->height, latent->width);
    const int64_t factor = model.latents().factor;
    name += " with a picture of " + std::to_string(latent->width * factor) + "x" +
            std::to_string(latent->height * factor) +
            (latent->count > 1 ? ", " + std::to_string(latent->count) + " at once," : "");
  }
  call.context().residency.require(bytes, name);
}

void warn_of_long_sampling(const Call& call, const ForeseenLatent* latent, int64_t steps) {
  constexpr double kUsual = 1024.0 * 1024.0 * 20, kMany = 100;
  if (!latent) return;
  const int64_t width = latent->width * latent->factor, height = latent->height * latent->factor;
  const double work = static_cast<double>(width) * static_cast<double>(height) * static_cast<double>(latent->count) *
                      static_cast<double>(steps) / kUsual;
  if (work < kMany) return;
  call.warn("this takes very long: " + std::to_string(latent->count) + " of " + std::to_string(width) + "x" +
            std::to_string(height) + " in " + std::to_string(steps) + " steps are the work of " +
            std::to_string(static_cast<int64_t>(work)) +
            " pictures of 1024x1024 in 20 steps or more; it can be stopped at any time");
}

void require_memory(const Call& call, const models::VaeHandle& vae) {
  call.context().residency.require(vae.vae->estimated_bytes(), vae.vae->name());
}

}  // namespace easel::nodes
