// What can be known of values before they are computed, so that things that do not go together are found first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/handles.h"
#include "node_api/call.h"
#include "node_api/value.h"

namespace easel::nodes {

// In place of a CLIP_VISION_OUTPUT or IP-Adapter EMBEDS.
struct ForeseenVision {
  models::ClipVisionHandle vision;
};

// In place of an IMAGE.
struct ForeseenPicture {
  int64_t width = 0, height = 0, count = 1;
};

// In place of a CONDITIONING.
struct ForeseenConditioning {
  int64_t context_dim = 0;  // 0: unknown
  std::string text_file;    // where the text encoder comes from
  std::vector<models::ControlNetHandle> controls;
  std::vector<models::ClipVisionHandle> unclip;
};

// The foreseen conditioning at an input; what nobody foresaw is empty.
ForeseenConditioning foreseen_conditioning(const Call& call, std::string_view input);
inline Value foreseen(ForeseenConditioning c) { return Value("CONDITIONING", std::move(c)); }

// foresee for nodes that change conditioning in ways that do not matter here: passes the named input on to every
// output.
Outputs pass_conditioning(const Call& call, std::string_view input, size_t outputs = 1);
// What two conditionings together are known to be.
ForeseenConditioning join(ForeseenConditioning a, const ForeseenConditioning& b);

// Throws Error(kMismatch) in one sentence when a conditioning does not go with a model.
void require_fit(const models::ModelHandle& model, const ForeseenConditioning& conditioning, std::string_view input);

// In place of a LATENT.
struct ForeseenLatent {
  int64_t count = 0, height = 0, width = 0;  // in latent pixels
};

// Throws Error(kMemory) in one sentence that says what would do when a model and the ControlNets beside it cannot be
// held and run within the memory budget even with nothing else there. A latent that nobody foresaw is left out of
// account.
void require_memory(const Call& call, const models::ModelHandle& model, const ForeseenConditioning& conditioning,
                    std::string_view latent_input);
void require_memory(const Call& call, const models::VaeHandle& vae);

// The file name of a path.
std::string base_name(const std::string& path);

}  // namespace easel::nodes
