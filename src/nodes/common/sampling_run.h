// What all nodes that denoise have in common.
#pragma once

#include "guidance/ksample.h"
#include "node_api/call.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {

// A request with these values of links, which reports to the call and is cancelled with it.
guidance::KSampleRequest sampling_request(const models::ModelHandle& model, const models::Conditioning& positive,
                                          const models::Conditioning& negative, const Latent& latent, const Call& call);

// Throws Error(kMismatch) when the model and conditioning do not fit each other, and Error(kMemory) where the memory
// does not suffice, as far as that is known (null: it is not).
void foresee_sampling(const models::ModelHandle* model, const ForeseenConditioning* positive,
                      const ForeseenConditioning* negative, const ForeseenLatent* latent, Call& call);

}  // namespace easel::nodes
