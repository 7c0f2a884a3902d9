// Nodes that make attention stronger or weaker, and the one that says on which levels a model was trained.
#include "models/patch/attention_scale.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "sampling/schedule/edm_sampling.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::ModelHandle;

struct Factors {
  double q = 1.0, k = 1.0, v = 1.0, out = 1.0;
  models::AttentionFactors factors() const {
    return {static_cast<float>(q), static_cast<float>(k), static_cast<float>(v), static_cast<float>(out)};
  }
};
struct OfModel : Factors {
  Linked<ModelHandle> model;
};
struct OfText : Factors {
  Linked<ClipHandle> clip;
};

Input<Factors> factor(const char* name, double Factors::*member) {
  return Float(name, member).range(0.0, 10.0).step(0.01).useful(0.5, 2, 0.05);
}

void add_unet(Table& table, const char* name, models::AttentionPart part, const char* description) {
  table.add(
      NodeOf<OfModel>{.name = name,
                      .category = "_for_testing/attention_experiments",
                      .description = description,
                      .inputs = {Link("model", &OfModel::model), factor("q", &Factors::q), factor("k", &Factors::k),
                                 factor("v", &Factors::v), factor("out", &Factors::out)},
                      .runs_when_checked = true,
                      .run = [part](const OfModel& in) -> Results<ModelHandle> {
                        return {models::scale_attention(*in.model, part, in.factors())};
                      }});
}

struct Continuous {
  Linked<ModelHandle> model;
  sampling::EdmSampling::Says sampling = sampling::EdmSampling::Says::kVelocity;
  sampling::EdmSampling::Told told = sampling::EdmSampling::Told::kLogarithm;
  double sigma_max = 120.0, sigma_min = 0.002;
};
struct ContinuousV : Continuous {
  ContinuousV() {
    told = sampling::EdmSampling::Told::kAngle;
    sigma_max = 500.0;
    sigma_min = 0.03;
  }
};

// The spread of the data that each kind was trained with, as ComfyUI has it.
Results<ModelHandle> continuous(const Continuous& in) {
  using Says = sampling::EdmSampling::Says;
  ModelHandle out = *in.model;
  out.sampling = std::make_shared<const sampling::EdmSampling>(
      sampling::EdmSampling::Options{.sigma_min = in.sigma_min,
                                     .sigma_max = in.sigma_max,
                                     .deviation = in.sampling == Says::kEdm ? 0.5 : 1.0,
                                     .says = in.sampling,
                                     .told = in.told,
                                     .levels = 1000});
  return {std::move(out)};
}

void check_levels(const Continuous& in) {
  if (!(in.sigma_min > 0 && in.sigma_max > in.sigma_min))
    throw Error(Fault::kInvalid, "must be above 0 and below sigma_max").at_input("sigma_min");
}

}  // namespace

void register_attention_scale_nodes(Table& table) {
  add_unet(table, "UNetSelfAttentionMultiply", models::AttentionPart::kSelf,
           "Makes the attention of a model to itself stronger or weaker.");
  add_unet(table, "UNetCrossAttentionMultiply", models::AttentionPart::kCross,
           "Makes the attention of a model to the prompt stronger or weaker.");
  table.add(NodeOf<OfText>{.name = "CLIPAttentionMultiply",
                           .category = "_for_testing/attention_experiments",
                           .description = "Makes the attention of a text encoder stronger or weaker.",
                           .inputs = {Link("clip", &OfText::clip), factor("q", &Factors::q), factor("k", &Factors::k),
                                      factor("v", &Factors::v), factor("out", &Factors::out)},
                           .runs_when_checked = true,
                           .run = [](const OfText& in, Call& call) -> Results<ClipHandle> {
                             return {models::scale_attention(*in.clip, in.factors(), call.context().residency)};
                           }});
  using Says = sampling::EdmSampling::Says;
  const auto level = [](const char* name, double Continuous::*member) {
    return Float(name, member).range(0.0, 1000.0).step(0.001);
  };
  table.add(NodeOf<ContinuousV>{
      .name = "ModelSamplingContinuousV",
      .category = "advanced/model",
      .description = "Says that a model was trained on continuous noise levels and is told their angles.",
      .inputs = {Link("model", &Continuous::model),
                 Choice("sampling", &Continuous::sampling, {{"v_prediction", Says::kVelocity}}),
                 level("sigma_max", &Continuous::sigma_max), level("sigma_min", &Continuous::sigma_min)},
      .runs_when_checked = true,
      .run = continuous,
      .check = check_levels});
  table.add(NodeOf<Continuous>{
      .name = "ModelSamplingContinuousEDM",
      .category = "advanced/model",
      .description = "Says that a model was trained on continuous noise levels, and between which.",
      .inputs = {Link("model", &Continuous::model),
                 Choice("sampling", &Continuous::sampling, {{"v_prediction", Says::kVelocity}, {"edm", Says::kEdm}}),
                 level("sigma_max", &Continuous::sigma_max), level("sigma_min", &Continuous::sigma_min)},
      .runs_when_checked = true,
      .run = continuous,
      .check = check_levels});
}

}  // namespace easel::nodes
