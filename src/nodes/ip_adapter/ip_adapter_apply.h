// The common part of all IP-Adapter nodes: an adapter, with or without its vision encoder, applied to a model.
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

// EMBEDS of the nodes of 2024-01: a picture and its opposite in one value.
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

// EMBEDS of today's nodes: one of the two.
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

// The vision encoder to use: the linked one, which may be null, else the pipeline's. nullptr when there is none.
const models::ClipVisionHandle* find_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline);
// The same; throws Error(kInvalid) saying what to link when there is none.
const models::ClipVisionHandle& need_vision(const models::ClipVisionHandle* linked, const IpPipeline& pipeline);

// The first file of the clip_vision folders that an adapter can use.
std::optional<models::ClipVisionHandle> find_fitting_vision(const Call& call, const models::IpAdapterHandle& adapter);

// Throws Error(kMismatch) when the adapter does not go with the model or the encoder, either of which may be null,
// naming an encoder there is that would fit.
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
// A copy of the model with one more adapter.
models::ModelHandle apply_ip_adapter(const models::ModelHandle& model, const IpPipeline& pipeline,
                                     models::IpTokens tokens, const IpApplication& how);

}  // namespace easel::nodes
