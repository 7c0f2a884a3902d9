#include "nodes/common/sampling_run.h"

#include <memory>

#include "nodes/common/foresight.h"
#include "nodes/common/latent_preview.h"

namespace easel::nodes {

guidance::KSampleRequest sampling_request(const models::ModelHandle& model, const models::Conditioning& positive,
                                          const models::Conditioning& negative, const Latent& latent,
                                          const Call& call) {
  guidance::KSampleRequest r;
  r.model = model;
  r.positive = positive;
  r.negative = negative;
  r.latent = latent.samples;
  r.noise_mask = latent.noise_mask;
  r.batch_index = latent.batch_index;
  r.cancel = call.context().cancel;
  NodeEvents& events = call.context().events;
  r.on_start = [&events] { events.sampling_starts(); };
  r.on_step = [report = std::make_shared<StepReporter>(call.context(), r.model.latents())](
                  const sampling::SamplerProgress& p) { (*report)(p); };
  return r;
}

void foresee_sampling(const models::ModelHandle* model, const ForeseenConditioning* positive,
                      const ForeseenConditioning* negative, const ForeseenLatent* latent, Call& call) {
  if (!model) return;
  const ForeseenConditioning wanted = known_or_empty(positive), unwanted = known_or_empty(negative);
  require_fit(*model, wanted, "positive");
  require_fit(*model, unwanted, "negative");
  require_memory(call, *model, join(wanted, unwanted), latent);
}

}  // namespace easel::nodes
