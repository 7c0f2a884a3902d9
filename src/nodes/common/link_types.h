// The types of links that carry models and conditioning: their names in workflows, their C++ types, their sizes, and
// what is known about their values before anything is computed.
#pragma once

#include <string>
#include <vector>

#include "models/conditioning.h"
#include "models/handles.h"
#include "node_api/node.h"

namespace easel::models {
struct ClipHandle;        // models/text/text_encoder.h
struct StyleModelHandle;  // models/vision/style_model.h
struct UpscalerHandle;    // models/upscale/upscaler.h
}  // namespace easel::models

namespace easel::nodes {

// A handle is known as soon as its loader has read the file's header. Its size is 0 here because memory::Residency
// counts the memory of the model itself.
template <class T>
struct ModelLink {
  using Held = T;
  using Foreseen = T;
  static size_t bytes(const T&) { return 0; }
};
template <>
struct LinkType<models::ModelHandle> : ModelLink<models::ModelHandle> {
  static constexpr const char* kName = "MODEL";
};
template <>
struct LinkType<models::ClipHandle> : ModelLink<models::ClipHandle> {
  static constexpr const char* kName = "CLIP";
};
template <>
struct LinkType<models::VaeHandle> : ModelLink<models::VaeHandle> {
  static constexpr const char* kName = "VAE";
};
template <>
struct LinkType<models::ControlNetHandle> : ModelLink<models::ControlNetHandle> {
  static constexpr const char* kName = "CONTROL_NET";
};
template <>
struct LinkType<models::GligenHandle> : ModelLink<models::GligenHandle> {
  static constexpr const char* kName = "GLIGEN";
};
template <>
struct LinkType<models::ClipVisionHandle> : ModelLink<models::ClipVisionHandle> {
  static constexpr const char* kName = "CLIP_VISION";
};
template <>
struct LinkType<models::StyleModelHandle> : ModelLink<models::StyleModelHandle> {
  static constexpr const char* kName = "STYLE_MODEL";
};
template <>
struct LinkType<models::UpscalerHandle> : ModelLink<models::UpscalerHandle> {
  static constexpr const char* kName = "UPSCALE_MODEL";
};

// What is known about an encoded picture: which vision encoder it comes from.
struct ForeseenVision {
  models::ClipVisionHandle vision;
};
template <>
struct LinkType<models::ClipVisionOutput> {
  static constexpr const char* kName = "CLIP_VISION_OUTPUT";
  using Held = models::ClipVisionOutput;
  using Foreseen = ForeseenVision;
  static size_t bytes(const Held& output);
};

// What is known about a conditioning.
struct ForeseenConditioning {
  int64_t context_dim = 0;  // 0: unknown
  std::string text_file;    // the file of the text encoder
  std::vector<models::ControlNetHandle> controls;
  std::vector<models::GligenHandle> gligens;
  std::vector<models::ClipVisionHandle> unclip;
};
template <>
struct LinkType<models::Conditioning> {
  static constexpr const char* kName = "CONDITIONING";
  using Held = models::Conditioning;
  using Foreseen = ForeseenConditioning;
  // Counts everything that the entries hold: text, masks, hints, encoded pictures. A tensor that is shared with other
  // values counts for each of them.
  static size_t bytes(const Held& list);
};

}  // namespace easel::nodes
