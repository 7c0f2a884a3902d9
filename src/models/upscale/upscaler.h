// Networks that enlarge pictures: the ESRGAN family (RRDBNet), the compact one (SRVGGNet), and those by attention.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "memory/resident.h"
#include "models/upscale/transformers/transformer.h"
#include "nn/weights.h"

namespace easel::models {

// The configuration of an upscaler, read from the shapes in its file.
struct UpscalerConfig {
  bool compact = false;
  std::optional<TransformerKind> transformer = {};
  int64_t scale = 0;                 // pixels of the result per pixel along a side
  int64_t features = 0, blocks = 0;  // width of the maps; blocks, or convolutions of a compact one
  int64_t enlargements = 0;          // how often the map is doubled in size
  int64_t unshuffle = 1;             // side of the squares of pixels that become channels at the input
};

class Upscaler {
 public:
  // `w` has the names of upscaler_tensors(). Throws Error(kBadFile).
  explicit Upscaler(const nn::Weights& w);
  ~Upscaler();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  const UpscalerConfig& config() const;
  // pictures [N,H,W,>=3] in 0..1 (further channels are ignored) -> [N,H*scale,W*scale,3] f32, not clipped,
  // on the device that the model was packed for.
  Tensor forward(const Tensor& pictures) const;
  // Working memory of forward() for one picture of height x width. Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// UPSCALE_MODEL
struct UpscalerHandle {
  std::string file;
  UpscalerConfig config;
  std::shared_ptr<memory::Resident<Upscaler>> model;
};

// The tensors of an upscaler in the names of Real-ESRGAN (conv_first, body.N.rdbK.convJ, conv_body, conv_upN, conv_hr,
// conv_last), of a compact network (body.N) or of one by attention, whichever of the published layouts the file has:
// the first ESRGAN's (model.N), its successor's (RRDB_trunk) or today's, bare or inside `params` or `params_ema`.
// nullptr for other files.
std::shared_ptr<const StoredTensors> upscaler_tensors(const StoredTensors& file);

// From names and shapes alone. Throws Error(kBadFile), or Error(kUnsupported) for variants of these networks that Easel
// does not run.
UpscalerConfig read_upscaler_config(const nn::Weights& w);

// Throws Error(kUnsupported) naming the file when it is no upscaler of these kinds, Error(kBadFile) when it is damaged.
UpscalerHandle load_upscaler(memory::Residency& residency, const StoredTensors& file, DType compute,
                             const std::string& file_name);

struct UpscaleRun {
  // The working memory that is allowed; tiles are halved until they fit. 0: no limit.
  size_t memory_budget = 0;
  std::function<void(int done, int total)> progress = {};  // after each tile; may throw to stop
};

// pictures [N,H,W,>=3] in 0..1 -> [N,H*scale,W*scale,3] in 0..1, in overlapping tiles of 512 pixels as ComfyUI's
// ImageUpscaleWithModel. Tiles are never smaller than 128.
Tensor upscale(const Upscaler& model, const Tensor& pictures, const UpscaleRun& run = {});
// The side of the tiles upscale() takes with that budget: 512, or less.
int64_t upscale_tile(const Upscaler& model, size_t memory_budget);

}  // namespace easel::models
