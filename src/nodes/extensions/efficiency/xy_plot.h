// XY plots of efficiency-nodes-comfyui: a sampler that runs once for each pair of two lists of values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nodes/extensions/efficiency/efficiency.h"

namespace easel::nodes::efficiency {

// One value of an axis. Which members count follows from the axis's type.
struct XyValue {
  int64_t whole = 0;                       // seeds, steps, clip skips
  double number = 0;                       // cfg, denoise, shares
  std::string text;                        // names of samplers and files, texts to search for
  std::optional<std::string> second = {};  // a sampler's scheduler, a checkpoint's VAE, a text's replacement
  std::optional<int64_t> clip_skip = {};   // of a checkpoint
  LoraStack loras = {};                    // the first one as far as the axis says what it is
  std::optional<double> first_model = {}, first_clip = {};  // the strengths of the first, where the axis sets them
};

// What varies along an axis, by the original's names ("Steps", "CFG Scale", ...).
struct XyAxis {
  std::string type = "Nothing";
  std::vector<XyValue> values = {{}};
};

size_t axis_bytes(const XyAxis& axis);

struct XyPlot {
  XyAxis x, y;
  int64_t spacing = 0;
  bool vertical_labels = false, is_output = false;
  std::optional<Dependencies> from = {};
};

// Throws Error(kInvalid), at the input where it comes in, for two axes that do not go together.
void check_axes(const XyPlot& plot);

struct Plotted {
  Value latents;   // of all pictures, row by row
  Value pictures;  // the same, or the plot
  Value plot;
};

// Runs the sampler for all pairs. `latent`: its first picture is sampled. Throws Error(kInvalid) for an axis that this
// kind of sampler does not have.
Plotted plotted(const Parts& parts, const Call& call, Kind kind, const XyPlot& plot,
                const std::optional<HiresFix>& hires_fix, const Settings& settings, const Subject& subject,
                const Value& vae, const std::string& vae_decode, const Latent& latent);

}  // namespace easel::nodes::efficiency

namespace easel::nodes {

template <>
struct LinkType<efficiency::XyAxis> {
  static constexpr const char* kName = "XY";
  using Held = efficiency::XyAxis;
  using Foreseen = void;
  static size_t bytes(const Held& axis) { return efficiency::axis_bytes(axis); }
};

}  // namespace easel::nodes
