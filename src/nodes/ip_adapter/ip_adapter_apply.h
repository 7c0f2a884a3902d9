// The common part of all IP-Adapter nodes: their link types, and applying an adapter to a model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/ip_adapter/ip_adapter.h"
#include "models/ip_adapter/ip_attention.h"
#include "models/ip_adapter/ip_embeds.h"
#include "node_api/call.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {

// IPADAPTER: an adapter, and the vision encoder that was loaded with it, if any.
struct IpPipeline {
  models::IpAdapterHandle adapter;
  std::optional<models::ClipVisionHandle> vision;
};
template <>
struct LinkType<IpPipeline> : ModelLink<IpPipeline> {
  static constexpr const char* kName = "IPADAPTER";
};

// EMBEDS as the nodes of January 2024 pass them: those of a picture and of its opposite in one value.
struct IpEmbedsPair {
  models::IpEmbeds embeds;
};
template <>
struct LinkType<IpEmbedsPair> {
  static constexpr const char* kName = "EMBEDS";
  using Held = IpEmbedsPair;
  using Foreseen = ForeseenVision;
  static size_t bytes(const IpEmbedsPair& pair) { return bytes_of(pair.embeds.cond) + bytes_of(pair.embeds.uncond); }
};

// EMBEDS as today's nodes pass them: those of a picture or of its opposite.
struct IpEmbed {
  Tensor rows;
};
template <>
struct LinkType<IpEmbed> {
  static constexpr const char* kName = "EMBEDS";
  using Held = IpEmbed;
  using Foreseen = void;
  static size_t bytes(const IpEmbed& embed) { return bytes_of(embed.rows); }
};

IpPipeline open_ip_adapter(Call& call, const std::string& name);

// The vision encoder to use: the linked one, or else the pipeline's; null if there is neither.
const models::ClipVisionHandle* find_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline);
// The same, but throws Error(kInvalid), which says what to link, if there is neither.
const models::ClipVisionHandle& need_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline);

// The encoder of the first file in the clip_vision folders that fits an adapter.
std::optional<models::ClipVisionHandle> find_fitting_vision(const Call& call, const models::IpAdapterHandle& adapter);

// Throws Error(kMismatch) if the adapter does not fit the model or the encoder; it names an available encoder that
// would fit. If the model or the encoder is null, it is not checked.
void require_adapter_fits(const Call& call, const IpPipeline& pipeline, const models::ClipVisionHandle* vision,
                          const models::ModelHandle* model);

struct IpApplication {
  models::IpWeightOptions weight = {};
  models::IpScaling scaling = models::IpScaling::kOutput;
  double start_at = 0.0, end_at = 1.0;
  Tensor mask = {};
  bool bicubic_mask = false;
  bool unfold_batch = false;
  std::vector<float> sample_weights = {};  // a factor for each picture of the batch
};
// A copy of the model with the adapter added.
models::ModelHandle apply_ip_adapter(const models::ModelHandle& model, const IpPipeline& pipeline,
                                     models::IpTokens tokens, const IpApplication& how);

}  // namespace easel::nodes
