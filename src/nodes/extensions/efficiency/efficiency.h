// What the nodes of efficiency-nodes-comfyui (github.com/jags111/efficiency-nodes-comfyui) pass to each other, and the
// chains of ComfyUI's nodes that they stand for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node_api/node.h"
#include "nodes/common/composed.h"
#include "nodes/extensions/control_stack.h"
#include "nodes/extensions/lora_stack.h"

namespace easel::nodes::efficiency {

constexpr const char* kOrigin = "efficiency";
constexpr int64_t kTile = 320;  // of tiled decoding and encoding

// --- Loading ---

// DEPENDENCIES: what a loader has loaded, so that it can be loaded otherwise.
struct Dependencies {
  std::string checkpoint, vae;
  int64_t clip_skip = -1;
  std::string positive, negative;
  LoraStack loras;
  ControlStack controls;
};

// A checkpoint with LoRAs, and its VAE or another one.
struct Loaded {
  Value model, clip, vae;
};
Loaded load(const Parts& parts, const std::string& checkpoint, const LoraStack& loras, const std::string& vae);
// A VAE by its file's name, or that of a checkpoint ("Baked VAE").
Value load_vae(const Parts& parts, const std::string& checkpoint, const std::string& vae);

// Two texts, with the encoder that they were encoded by.
struct Encoded {
  Value positive, negative, clip;
};
Encoded encode(const Parts& parts, const Value& clip, int64_t clip_skip, const std::string& positive,
               const std::string& negative);

// SDXL_TUPLE: a model and its refiner; before they are computed, what is known of each. The refiner's may be missing.
struct SdxlTuple {
  Value model, clip, positive, negative, refiner_model, refiner_clip, refiner_positive, refiner_negative;
};

// --- Sampling ---

struct Settings {
  bool add_noise = true;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 7.0;
  std::string sampler, scheduler;
  double denoise = 1.0;
  int64_t start = 0, end = 10000;  // of the refiner's sampler: where the refiner begins, -1 for nowhere
  bool leftover_noise = false;
};
enum class Kind { kAllSteps, kSomeSteps, kRefined };
// What is sampled with.
struct Subject {
  Value model, positive, negative, refiner_model, refiner_positive, refiner_negative;
};
// The latent that a sampler of this kind makes of another.
Value sampled(const Parts& parts, Kind kind, const Settings& settings, const Subject& subject, const Value& latent);

// In the way that `vae_decode` names: tiled, or not.
Value decoded(const Parts& parts, const std::string& vae_decode, const Value& vae, const Value& latent);

// --- Scripts ---

// A second pass at a larger size.
struct HiresFix {
  enum class Type { kLatent, kPixel, kBoth };
  Type type = Type::kLatent;
  std::string checkpoint = "(use same)", latent_upscaler, pixel_upscaler;
  double upscale_by = 1.25;
  bool use_same_seed = true;
  uint64_t seed = 0;
  int64_t steps = 12;
  double denoise = 0.56;
  int64_t iterations = 1;
  bool use_controlnet = false;
  std::string control_net, preprocessor = "_";
  double strength = 1.0;
};
// Whether it decodes what it enlarges.
bool needs_vae(const HiresFix& script);
struct LatentAndPicture {
  Value latent, picture;  // no picture where it was not needed
};
// `vae` may be empty where it is neither needed nor decoded with.
LatentAndPicture second_pass(const Parts& parts, const HiresFix& script, const Settings& settings, Subject subject,
                             const Value& vae, const std::string& vae_decode, const Value& latent);

struct XyPlot;  // xy_plot.h

// SCRIPT: what a sampler does beside sampling.
struct Script {
  std::optional<HiresFix> hires_fix = {};
  std::shared_ptr<const XyPlot> plot = {};
};
size_t script_bytes(const Script& script);

}  // namespace easel::nodes::efficiency

namespace easel::nodes {

template <>
struct LinkType<efficiency::Dependencies> {
  static constexpr const char* kName = "DEPENDENCIES";
  using Held = efficiency::Dependencies;
  using Foreseen = void;
  static size_t bytes(const Held& from) { return LinkType<ControlStack>::bytes(from.controls); }
};
template <>
struct LinkType<efficiency::SdxlTuple> {
  static constexpr const char* kName = "SDXL_TUPLE";
  using Held = efficiency::SdxlTuple;
  using Foreseen = efficiency::SdxlTuple;
  static size_t bytes(const Held& tuple) {
    return tuple.positive.bytes() + tuple.negative.bytes() + tuple.refiner_positive.bytes() +
           tuple.refiner_negative.bytes();
  }
};
template <>
struct LinkType<efficiency::Script> {
  static constexpr const char* kName = "SCRIPT";
  using Held = efficiency::Script;
  using Foreseen = void;
  static size_t bytes(const Held& script) { return efficiency::script_bytes(script); }
};

}  // namespace easel::nodes
