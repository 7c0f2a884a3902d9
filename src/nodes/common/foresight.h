// What can be known of values before they are computed, so that things that do not go together are found first.
#pragma once

#include <string>
#include <string_view>

#include "nodes/common/link_types.h"

namespace easel::nodes {

// What is known, or what one knows of nothing.
template <class T>
T known_or_empty(const T* known) {
  return known ? *known : T{};
}

// For nodes that change conditioning in ways that do not matter here.
template <class P>
Foreseen<models::Conditioning> pass_conditioning(const Known<P>& in) {
  return {known_or_empty(in(&P::conditioning))};
}
// What two conditionings together are known to be.
ForeseenConditioning join(ForeseenConditioning a, const ForeseenConditioning& b);

// Throws Error(kMismatch) in one sentence when a conditioning does not go with a model.
void require_fit(const models::ModelHandle& model, const ForeseenConditioning& conditioning, std::string_view input);

// Throws Error(kMemory) in one sentence that says what would do when a model and the ControlNets beside it cannot be
// held and run within the memory budget even with nothing else there. The latent may be null: nobody foresaw it, and it
// is left out of account.
void require_memory(const Call& call, const models::ModelHandle& model, const ForeseenConditioning& conditioning,
                    const ForeseenLatent* latent);
void require_memory(const Call& call, const models::VaeHandle& vae);

// The file name of a path.
std::string base_name(const std::string& path);

}  // namespace easel::nodes
