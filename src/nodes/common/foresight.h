// What is known about values before they are computed, so that models that do not fit each other are found first.
#pragma once

#include <string>
#include <string_view>

#include "nodes/common/link_types.h"

namespace easel::nodes {

// `*known`, or the default, which says that nothing is known.
template <class T>
T known_or_empty(const T* known) {
  return known ? *known : T{};
}

// For nodes whose changes to a conditioning do not affect what it fits.
template <class P>
Foreseen<models::Conditioning> pass_conditioning(const Known<P>& in) {
  return {known_or_empty(in(&P::conditioning))};
}
// What is known about two conditionings together.
ForeseenConditioning join(ForeseenConditioning a, const ForeseenConditioning& b);

// Throws Error(kMismatch) in one sentence when a conditioning does not go with a model.
void require_fit(const models::ModelHandle& model, const ForeseenConditioning& conditioning, std::string_view input);

// Throws Error(kMemory) when a model and the networks beside it (ControlNets, GLIGEN, hypernetworks) would exceed the
// memory budget even with nothing else in memory; its one sentence says which budget would do. Without a latent (null:
// its size is not known yet), only the weights count.
void require_memory(const Call& call, const models::ModelHandle& model, const ForeseenConditioning& conditioning,
                    const ForeseenLatent* latent);
void require_memory(const Call& call, const models::VaeHandle& vae);

// Warns where sampling is more work than 100 pictures of 1024x1024 in 20 steps, counted in pixels and steps: of large
// pictures attention takes more than that. Nothing is known of a latent that is null.
void warn_of_long_sampling(const Call& call, const ForeseenLatent* latent, int64_t steps);

// The file name of a path.
std::string base_name(const std::string& path);

}  // namespace easel::nodes
