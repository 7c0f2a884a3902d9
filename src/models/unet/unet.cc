#include "models/unet/unet.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "models/unet/unet_blocks.h"

namespace easel::models {
namespace {

// h + residual. The residual may be of another float type and is repeated over the batch. One of another height or
// width is left out, as in the reference: PatchModelAddDownscale makes the map smaller in some steps.
Tensor add_residual(const Tensor& h, const Tensor& residual, const std::string& file) {
  if (!residual.defined()) return h;
  const bool fits =
      residual.rank() == 4 && residual.dim(3) == h.dim(3) && (residual.dim(0) == h.dim(0) || residual.dim(0) == 1);
  if (!fits)
    throw Error(Fault::kMismatch, "a control model gives maps of shape " + residual.shape().str() +
                                      " where the model has " + h.shape().str())
        .in_file(file)
        .fix("Use a control model made for this model's family");
  if (residual.dim(1) != h.dim(1) || residual.dim(2) != h.dim(2)) return h;
  return ops::add(h, convert(residual.to(h.device()), DType::kF32));
}

const Tensor& residual_at(const std::vector<Tensor>& residuals, size_t i) {
  static const Tensor none;
  return i < residuals.size() ? residuals[i] : none;
}

}  // namespace

struct UNet::Impl {
  explicit Impl(const nn::Weights& w)
      : config(read_unet_config(w)), compute(w.compute()), device(w.packer().device()), file(w.file()) {
    AttentionSite site;
    trunk = UNetTrunk(w, config, site);
    const int inputs = site.spatial;
    if (config.middle_depth > 0) ++site.spatial;  // it runs before the output blocks
    site.block = BlockKind::kOutput;
    for (size_t i = 0; i < config.output_depth.size(); ++i) {
      site.block_index = static_cast<int>(i);
      output_blocks.emplace_back(w["output_blocks"][static_cast<int64_t>(i)], config, site);
    }
    site.spatial = inputs;
    trunk.build_middle(w, config, site);
    out_norm = nn::GroupNorm(w["out"][0]);
    out_conv = conv_f32(w["out"][2]);
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

  // Checks that every block takes the channels of the one before it, skip connections included.
  void check_widths(const nn::Weights& w) const {
    trunk.time.check(w);
    MapFlow map{config.in_channels};
    std::vector<MapFlow> skips;
    for (size_t i = 0; i < trunk.input_blocks.size(); ++i) {
      trunk.input_blocks[i].check_widths(map, trunk.time.width(), config.context_dim,
                                         w["input_blocks"][static_cast<int64_t>(i)]);
      skips.push_back(map);
    }
    for (const Block& block : trunk.middle)
      block.check_widths(map, trunk.time.width(), config.context_dim, w["middle_block"]);
    for (size_t i = 0; i < output_blocks.size(); ++i) {
      const MapFlow& skip = skips[skips.size() - 1 - i];
      const nn::Weights scope = w["output_blocks"][static_cast<int64_t>(i)];
      if (skip.level != map.level)
        throw Error(Fault::kBadFile, "the maps that meet at '" + scope.full("") +
                                         "*' are of different sizes: a convolution before it is missing")
            .in_file(file);
      map.channels += skip.channels;
      output_blocks[i].check_widths(map, trunk.time.width(), config.context_dim, scope);
    }
    if (out_conv.in_channels() != map.channels || out_conv.kernel() != 3 || out_norm.width() != map.channels)
      throw Error(Fault::kBadFile, "'" + w.full("out.2.weight") + "' takes " + std::to_string(out_conv.in_channels()) +
                                       " channels, but the last block gives " + std::to_string(map.channels))
          .in_file(file);
  }

  void check_inputs(const UNetInputs& in) const {
    const int64_t n = in.x.defined() && in.x.rank() == 4 ? in.x.dim(0) : 0;
    if (n == 0 || in.x.dim(3) != config.in_channels)
      throw Error(Fault::kMismatch, "the model takes " + std::to_string(config.in_channels) +
                                        " channels, the latent is " + (in.x.defined() ? in.x.shape().str() : "absent"))
          .in_file(file);
    if (static_cast<int64_t>(in.timesteps.size()) != n)
      throw Error(Fault::kInternal,
                  std::to_string(in.timesteps.size()) + " timesteps for a batch of " + std::to_string(n));
    if (!in.context || (in.context->context.dim(0) != n && in.context->context.dim(0) != 1))
      throw Error(Fault::kInternal, "the context does not fit the batch");
  }

  UNetConfig config;
  DType compute;
  Device device;
  std::string file;
  UNetTrunk trunk;
  std::vector<Block> output_blocks;
  nn::GroupNorm out_norm;
  nn::Conv2d out_conv;
};

UNet::UNet(const nn::Weights& w) : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
UNet::~UNet() = default;

void UNet::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

const UNetConfig& UNet::config() const { return impl_->config; }

ContextProjectionPtr UNet::project(const Tensor& context, std::span<const AttentionHookPtr> hooks) const {
  check_context(context, impl_->config.context_dim, impl_->file);
  auto projection = std::make_shared<ContextProjection>();
  projection->context = context;
  const Tensor c = convert(context.to(impl_->device), impl_->compute);
  const KeyValueRows rows = key_value_rows(c, hooks);
  for (const Block& block : impl_->trunk.input_blocks) block.project(rows, projection->layers);
  for (const Block& block : impl_->output_blocks) block.project(rows, projection->layers);
  for (const Block& block : impl_->trunk.middle) block.project(rows, projection->layers);
  return projection;
}

const ContextProjection::KeyValue& HookProjections::of(int site, const Tensor& context,
                                                       const std::function<ContextProjection::KeyValue()>& project) {
  const auto key =
      std::make_tuple(site, static_cast<const void*>(context.storage().get()), context.offset(), context.dim(1));
  auto found = kept_.find(key);
  if (found == kept_.end()) found = kept_.emplace(key, Kept{context, project()}).first;
  return found->second.projection;
}

Tensor UNet::forward(const UNetInputs& in) const {
  const Impl& m = *impl_;
  m.check_inputs(in);
  static const ControlResiduals no_control;
  const ControlResiduals& control = in.control ? *in.control : no_control;
  const Evaluation e{m.trunk.time(in.timesteps, in.y, m.compute), in.context.get(), in.hooks, &in.step,
                     in.hook_projections};

  Tensor h = convert(in.x.to(m.device), DType::kF32);
  // On the stack, so that a step does not allocate on the heap.
  std::array<Tensor, kMaxUNetBlocks> skips;
  size_t waiting = 0;
  for (size_t i = 0; i < m.trunk.input_blocks.size(); ++i) {
    const int index = static_cast<int>(i);
    h = add_residual(m.trunk.input_blocks[i](std::move(h), e), residual_at(control.input, i), m.file);
    for (const BlockHookPtr& hook : in.block_hooks) h = hook->before_skip(index, in.step, h);
    skips[waiting++] = h;
    for (const BlockHookPtr& hook : in.block_hooks) h = hook->after_skip(index, in.step, h);
  }
  for (const Block& block : m.trunk.middle) h = block(std::move(h), e);
  if (!control.middle.empty()) h = add_residual(h, control.middle.back(), m.file);

  for (const Block& block : m.output_blocks) {
    --waiting;
    Tensor skip = add_residual(std::exchange(skips[waiting], {}), residual_at(control.output, waiting), m.file);
    for (const BlockHookPtr& hook : in.block_hooks) hook->before_output(in.step, h, skip);
    h = ops::concat({h, skip}, -1);
    const Tensor* next = waiting > 0 ? &skips[waiting - 1] : nullptr;
    h = block(std::move(h), e, next ? MapSize{next->dim(1), next->dim(2)} : MapSize{});
  }
  return m.out_conv(group_norm(m.out_norm, h, ops::Activation::kSilu, e)).to(kHost);
}

size_t UNet::bytes() const {
  size_t total = impl_->trunk.bytes() + impl_->out_conv.bytes();
  for (const Block& block : impl_->output_blocks) total += block.bytes();
  return total;
}

size_t unet_memory_estimate(const UNetConfig& config, DType compute, int64_t rows, int64_t height, int64_t width) {
  // The peak is in the first output block of the finest level: three skip connections are kept, and two f32 maps have
  // been concatenated to one of three times the width, which is normalised, convolved and projected.
  const int64_t skips = 3 * 4, joined = (2 + 1 + 3) * 4, work = compute == DType::kF32 ? 5 * 4 : 5 * 2;
  const double pixel = static_cast<double>(config.model_channels * (skips + joined + work));
  // Odd sides are rounded up at each level. The pool's blocks are up to a quarter larger than requested, and it keeps
  // blocks of sizes that only other levels use for the next step.
  const auto up = [](int64_t side) { return 8 * std::ceil(static_cast<double>(side) / 8); };
  const size_t threads = static_cast<size_t>(thread_count()) * (size_t{4} << 20);  // work memory of their own
  return threads + static_cast<size_t>(static_cast<double>(rows) * up(height) * up(width) * pixel * 2.2);
}

}  // namespace easel::models
