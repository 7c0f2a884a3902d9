// The denoising UNet of Stable Diffusion 1.x, 2.x, SDXL, its refiner and their distilled variants.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "nn/weights.h"
#include "tensor/tensor.h"

namespace easel::memory {
class ResidentBase;  // memory/resident.h
}
namespace easel::sampling {
class TorchGenerator;  // sampling/random/torch_random.h
}

namespace easel::models {

// The most input or output blocks that a UNet may have; published ones have 12 or 9.
constexpr int64_t kMaxUNetBlocks = 64;

// Everything about a UNet's shape, read from the keys and shapes of its file.
struct UNetConfig {
  int64_t in_channels = 0;  // those of a latent, plus further ones of inpainting and edit models
  int64_t out_channels = 0;
  int64_t model_channels = 0;
  int64_t context_dim = 0;                     // width of the text context
  int64_t adm_channels = 0;                    // width of the vector `y`; 0 if there is none
  int64_t num_heads = 0;                       // fixed number of heads (SD 1.x), or 0
  int64_t head_channels = 0;                   // width per head, if num_heads is 0
  bool linear_projections = false;             // proj_in/proj_out are matrices (SD2, SDXL), not 1x1 convolutions
  std::vector<int> res_blocks;                 // residual blocks per resolution, finest first
  std::vector<int> input_depth, output_depth;  // transformer blocks per input and output block, 0 for none
  int middle_depth = 0;                        // -1: no transformer in the middle, -2: no middle block at all
};

// Key and value projections of one context for every cross-attention of a model: made once per run.
class ContextProjection {
 public:
  struct KeyValue {
    Tensor key, value;  // [N,Tk,heads*D]
    // Of the block's first attention, where that attends to the text as well instead of to its own map (SDXS).
    Tensor own_key = {}, own_value = {};
  };
  Tensor context;                // [N,Tk,context_dim] as given
  std::vector<KeyValue> layers;  // by AttentionSite::index
};
using ContextProjectionPtr = std::shared_ptr<const ContextProjection>;

enum class BlockKind { kInput, kMiddle, kOutput };

// The cross-attention of a UNet that is running.
struct AttentionSite {
  int index = 0;  // counts all cross-attentions as adapters number their keys: input blocks, then output
                  // blocks, then the middle block
  BlockKind block = BlockKind::kInput;
  int block_index = 0;                       // as in input_blocks.N
  int spatial = 0;                           // counts the spatial transformers in the order of execution
  int transformer = 0;                       // as in transformer_blocks.N
  int64_t heads = 0, height = 0, width = 0;  // of the map the tokens come from
};

// The evaluation that a hook is part of.
struct StepInfo {
  float sigma = 0;
  // One entry per chunk of the batch: 0 conditional, 1 unconditional. The batch is chunks * chunk_size.
  std::vector<int> cond_or_uncond;
  int64_t latent_height = 0, latent_width = 0;
  sampling::TorchGenerator* random = nullptr;  // that of the run, for hooks that choose at random; null outside of runs
};

// What a self-attention is of. All are [N,T,C] of the model's compute type.
struct SelfAttention {
  const Tensor& q;
  const Tensor& k;
  const Tensor& v;     // the three possibly with gaps between rows
  const Tensor& rows;  // the tokens that q is made of
};

// The part of a cross-attention that makes keys and values of a text.
class ContextProjector {
 public:
  virtual ~ContextProjector() = default;
  // context [N,Tk,context_dim] of any float type, on any device. A context that comes again in the same run, in the
  // same memory, is not projected again.
  virtual ContextProjection::KeyValue project(const Tensor& context) const = 0;
};

// What hooks have had projected in a run.
class HookProjections {
 public:
  // What `project` makes of a context for one cross-attention, by AttentionSite::index; called for new ones only.
  const ContextProjection::KeyValue& of(int site, const Tensor& context,
                                        const std::function<ContextProjection::KeyValue()>& project);

 private:
  struct Kept {
    Tensor context;  // so that no other one gets its memory
    ContextProjection::KeyValue projection;
  };
  std::map<std::tuple<int, const void*, size_t, int64_t>, Kept> kept_;
};

// Takes part in every attention; IP-Adapters are such hooks. Immutable while sampling. All tensors, those returned
// included, are on the model's device; the same holds for BlockHook.
class AttentionHook {
 public:
  virtual ~AttentionHook() = default;
  // Called before the UNet is in memory. A hook with a model of its own can run it here, for maps of this type, so that
  // the two models need not be in memory together.
  virtual void prepare(DType values [[maybe_unused]]) const {}
  // q [N,T,C] and out [N,T,C], the result of the text's attention. Returns a replacement for it, of the same type, or
  // an undefined tensor to leave it as it is; `projector` makes keys and values of other texts. Called before the
  // after_cross_attention() of any hook.
  virtual Tensor replace_cross_attention(const ContextProjector&, const AttentionSite&, const StepInfo&,
                                         const Tensor& q [[maybe_unused]], const Tensor& out [[maybe_unused]]) const {
    return Tensor();
  }
  // q [N,T,C] and out [N,T,C] (the text's attention, before the output projection), both of the model's
  // compute type. Returns the new out; may return `out` itself unchanged.
  virtual Tensor after_cross_attention(const AttentionSite&, const StepInfo&, const Tensor& q [[maybe_unused]],
                                       const Tensor& out) const {
    return out;
  }
  // x [N,T,C] f32: the tokens between a block's two attentions. Returns the new x; may return `x` itself unchanged.
  virtual Tensor between_attentions(const AttentionSite&, const StepInfo&, const Tensor& x) const { return x; }
  // The rows that an attention makes its keys and its values of, [N,T,C] in the compute type: the block's own tokens,
  // or those of the text, which are asked for once in a run. Returns false if it leaves both as they are. Nothing but
  // the rows themselves may decide what becomes of them.
  virtual bool change_rows(Tensor& key [[maybe_unused]], Tensor& value [[maybe_unused]]) const { return false; }
  // The rows that a self-attention makes its queries, keys and values of, [N,T,C] in the compute type: the block's own
  // tokens, keys and values as change_rows() left them. Keys and values may become longer. Returns false if it leaves
  // all of them as they are.
  virtual bool align_rows(const StepInfo&, Tensor& q [[maybe_unused]], Tensor& k [[maybe_unused]],
                          Tensor& v [[maybe_unused]]) const {
    return false;
  }
  // Maps [N,h,w,C] that every group norm sees below those of x [N,h,w,C] itself; undefined for none.
  virtual Tensor beside_in_norms(const StepInfo&, const Tensor& x [[maybe_unused]]) const { return Tensor(); }
  // A model of the hook's own that has to be in memory while the UNet computes; null if there is none.
  virtual memory::ResidentBase* beside() const { return nullptr; }
  // Keeps that model in memory for as long as the result lives.
  virtual std::shared_ptr<const void> hold() const { return nullptr; }
  // Returns a replacement for the result of a self-attention, of the type of its q, or an undefined tensor to leave it
  // as it is. `site` is that of the cross-attention in the same block.
  virtual Tensor replace_self_attention(const AttentionSite&, const StepInfo&, const SelfAttention&) const {
    return Tensor();
  }
};
using AttentionHookPtr = std::shared_ptr<const AttentionHook>;

// Changes the maps between blocks (block_hooks.h). Immutable while sampling.
class BlockHook {
 public:
  virtual ~BlockHook() = default;
  // h [N,h,w,C] f32 after input block `index`: before it is kept as a skip connection, and after.
  virtual Tensor before_skip(int index [[maybe_unused]], const StepInfo&, const Tensor& h) const { return h; }
  virtual Tensor after_skip(int index [[maybe_unused]], const StepInfo&, const Tensor& h) const { return h; }
  // The two inputs of an output block, [N,h,w,*] f32, before they are concatenated.
  virtual void before_output(const StepInfo&, Tensor& h [[maybe_unused]], Tensor& skip [[maybe_unused]]) const {}
};
using BlockHookPtr = std::shared_ptr<const BlockHook>;

// The residuals of a ControlNet or T2I-Adapter, each [N,h,w,C] in any float type, or undefined where nothing is added.
struct ControlResiduals {
  std::vector<Tensor> input;   // T2I-Adapter: added after input blocks; one per input block that takes one, in order
  std::vector<Tensor> middle;  // added after the middle block
  std::vector<Tensor> output;  // added to the skip connections; index = input block the skip comes from

  bool empty() const { return input.empty() && middle.empty() && output.empty(); }
};

struct UNetInputs {
  Tensor x;                      // [N,H,W,in_channels] f32
  std::vector<float> timesteps;  // N values
  ContextProjectionPtr context;  // of N rows
  Tensor y;                      // [N,adm_channels] f32; undefined when the model takes none
  const ControlResiduals* control = nullptr;
  std::span<const AttentionHookPtr> hooks;
  HookProjections* hook_projections = nullptr;  // of the run; null: hooks' texts are projected each time
  std::span<const BlockHookPtr> block_hooks;
  StepInfo step;
};

class UNet {
 public:
  // `w` is the scope that holds time_embed, input_blocks, ...; the configuration is read from it.
  // Throws Error(kBadFile) naming the first missing tensor and the number of missing ones.
  explicit UNet(const nn::Weights& w);
  ~UNet();

  // Checks that the file has every tensor, without packing any. Throws what the constructor throws. If `w` is probed,
  // it also records the names that a UNet uses.
  static void check(const nn::Weights& w);

  const UNetConfig& config() const;
  // The projections of a context [N,Tk,context_dim] (any float type), whose rows the hooks may change. Throws
  // Error(kMismatch) for another width.
  ContextProjectionPtr project(const Tensor& context, std::span<const AttentionHookPtr> hooks = {}) const;
  // The network's output (eps or v), [N,H,W,out_channels] f32, on the host. Inputs may be on the host or on the device
  // that the model was packed for, where it computes.
  Tensor forward(const UNetInputs& in) const;
  // Memory of the packed weights.
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// Working memory of UNet::forward() for a batch of `rows` latents of height x width, beside the weights, with
// activations of type `compute`. Estimated from above.
size_t unet_memory_estimate(const UNetConfig& config, DType compute, int64_t rows, int64_t height, int64_t width);

// Reads the configuration from keys and shapes without packing anything. Throws Error(kBadFile).
UNetConfig read_unet_config(const nn::Weights& w);
// The same for a ControlNet, which has no output blocks and may have no attention (context_dim 0).
UNetConfig read_control_config(const nn::Weights& w);

}  // namespace easel::models
