#include "models/control/controlnet.h"

#include <filesystem>

#include "image/scale/resize.h"
#include "models/control/control_keys.h"
#include "models/control/control_lora.h"
#include "models/control/t2i_adapter.h"
#include "models/diffusion_model.h"
#include "models/sd/detect.h"
#include "models/text/clip_text.h"
#include "models/unet/unet_blocks.h"
#include "models/unet/unet_source.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

// Convolutions with SiLU between them that reduce a picture to latent size. Keys: input_hint_block.{0,2,...}.
class HintBlock {
 public:
  HintBlock() = default;
  explicit HintBlock(const nn::Weights& w) {
    const int64_t count = numbered_children(w) / 2 + 1;
    for (int64_t i = 0; i < count; ++i) {
      // Every second convolution halves the map, except the first and the last: 1 1 2 1 2 1 2 1.
      const int64_t stride = i > 0 && i % 2 == 0 && i + 1 < count ? 2 : 1;
      factor_ *= stride;
      const nn::Weights part = w[2 * i];
      convs_.emplace_back(with_bias(part), ops::ConvShape{.stride = stride, .pad = 1}, DType::kF32);
    }
  }
  Tensor operator()(Tensor x) const {
    for (size_t i = 0; i < convs_.size(); ++i) {
      const bool last = i + 1 == convs_.size();
      x = convs_[i](x, {.activation = last ? ops::Activation::kNone : ops::Activation::kSilu});
    }
    return x;
  }
  bool fits() const {
    bool all = true;
    for (size_t i = 0; i < convs_.size(); ++i)
      all = all && convs_[i].kernel() == 3 && (i == 0 || convs_[i].in_channels() == convs_[i - 1].out_channels());
    return all;
  }
  int64_t in_channels() const { return convs_.front().in_channels(); }
  int64_t out_channels() const { return convs_.back().out_channels(); }
  // Pixels of the picture per pixel of the result, along a side.
  int64_t factor() const { return factor_; }
  size_t bytes() const {
    size_t total = 0;
    for (const nn::Conv2d& c : convs_) total += c.bytes();
    return total;
  }

 private:
  std::vector<nn::Conv2d> convs_;
  int64_t factor_ = 1;
};

// The copy of a UNet's first half (Zhang et al. 2023), with a 1x1 convolution for each residual.
class UNetControl final : public ControlNet {
 public:
  UNetControl(const nn::Weights& w, bool average)
      : config_(read_control_config(w)),
        compute_(w.compute()),
        device_(w.packer().device()),
        file_(w.file()),
        average_(average) {
    AttentionSite site;
    trunk_ = UNetTrunk(w, config_, site);
    trunk_.build_middle(w, config_, site);
    hint_ = HintBlock(w["input_hint_block"]);
    for (size_t i = 0; i < trunk_.input_blocks.size(); ++i)
      zero_convs_.push_back(pointwise(w["zero_convs"][static_cast<int64_t>(i)][0]));
    middle_out_ = pointwise(w["middle_block_out"][0]);
    const auto time = w.shape("time_embed.2.weight");
    union_ = ControlUnion(w, config_.model_channels, time ? (*time)[0] : 0);
    w.require_all();
    if (!w.probing()) check_widths(w);
  }

  PreparedHint prepare(const Tensor& hint, int64_t latent_height, int64_t latent_width, int64_t kind) const override {
    const int64_t channels = hint_.in_channels();
    if (hint.rank() != 4 || hint.dim(3) < channels)
      throw Error(Fault::kMismatch, "the ControlNet takes pictures of " + std::to_string(channels) + " channels, not " +
                                        hint.shape().str())
          .in_file(file_);
    const Tensor scaled =
        image::upscale(hint.slice(3, 0, channels), {latent_width * hint_.factor(), latent_height * hint_.factor()},
                       image::ResizeMethod::kNearestExact, image::CropMode::kCenter);
    PreparedHint out{hint_(contiguous(scaled).to(device_)), {}, {}};
    if (!union_) return out;
    if (kind != kAnyHint) out.guided = union_.mark(out.guided, kind);
    out.kind = union_.embedding(kind);
    return out;
  }

  ContextProjectionPtr project(const Tensor& context) const override {
    auto projection = std::make_shared<ContextProjection>();
    projection->context = context;
    if (config_.context_dim == 0) return projection;
    check_context(context, config_.context_dim, file_);
    const Tensor c = convert(context.to(device_), compute_);
    for (const Block& block : trunk_.input_blocks) block.project({c, c}, projection->layers);
    for (const Block& block : trunk_.middle) block.project({c, c}, projection->layers);
    return projection;
  }

  ControlResiduals forward(const PreparedHint& hint, const ControlInputs& in) const override {
    check_inputs(hint, in);
    const StepInfo step;
    const Tensor y = trunk_.time.takes_label() ? in.y : Tensor();
    const Evaluation e{trunk_.time(in.timesteps, y, compute_, hint.kind), in.context.get(), {}, &step};
    ControlResiduals out;
    Tensor h = in.x.to(device_);
    for (size_t i = 0; i < trunk_.input_blocks.size(); ++i) {
      h = trunk_.input_blocks[i](std::move(h), e);
      if (i == 0) h = ops::add(h, hint_rows(hint.guided, in));
      out.output.push_back(residual(zero_convs_[i], h));
    }
    for (const Block& block : trunk_.middle) h = block(std::move(h), e);
    out.middle.push_back(residual(middle_out_, h));
    return out;
  }

  size_t bytes() const override {
    size_t total = trunk_.bytes() + hint_.bytes() + middle_out_.bytes() + union_.bytes();
    for (const nn::Linear& zero : zero_convs_) total += zero.bytes();
    return total;
  }

 private:
  void check_widths(const nn::Weights& w) const {
    trunk_.time.check(w);
    MapFlow map{config_.in_channels};
    const auto check_zero = [&](const nn::Linear& zero, const std::string& name) {
      if (zero.in_features() != map.channels || zero.out_features() != map.channels)
        throw Error(Fault::kBadFile,
                    "'" + w.full(name) + "' is not made for " + std::to_string(map.channels) + " channels")
            .in_file(file_);
    };
    for (size_t i = 0; i < trunk_.input_blocks.size(); ++i) {
      trunk_.input_blocks[i].check_widths(map, trunk_.time.width(), config_.context_dim,
                                          w["input_blocks"][static_cast<int64_t>(i)]);
      check_zero(zero_convs_[i], "zero_convs." + std::to_string(i) + ".0");
    }
    for (const Block& block : trunk_.middle)
      block.check_widths(map, trunk_.time.width(), config_.context_dim, w["middle_block"]);
    check_zero(middle_out_, "middle_block_out.0");
    if (!hint_.fits() || hint_.out_channels() != config_.model_channels)
      throw Error(Fault::kBadFile, "'" + w.full("input_hint_block") + "' does not lead from pixels to " +
                                       std::to_string(config_.model_channels) + " channels")
          .in_file(file_);
  }

  void check_inputs(const PreparedHint& hint, const ControlInputs& in) const {
    if (!in.x.defined() || in.x.rank() != 4 || in.x.dim(3) != config_.in_channels)
      throw Error(Fault::kMismatch, "the ControlNet takes " + std::to_string(config_.in_channels) + " channels")
          .in_file(file_);
    if (!hint.guided.defined() || hint.guided.dim(1) != in.x.dim(1) || hint.guided.dim(2) != in.x.dim(2) ||
        static_cast<int64_t>(in.timesteps.size()) != in.x.dim(0) || !in.context)
      throw Error(Fault::kInternal, "the picture, the timesteps or the context do not fit the batch");
  }

  Tensor residual(const nn::Linear& zero, const Tensor& h) const {
    const Tensor r = zero(convert(h, compute_), {.f32_out = true});
    // "shuffle" ControlNets are trained with average pooling: every pixel becomes the mean over the map.
    return average_ ? ops::reduce(r, ops::Reduction::kMean, 1, 2).expand(r.shape()) : r;
  }

  UNetConfig config_;
  DType compute_;
  Device device_;
  std::string file_;
  bool average_;
  UNetTrunk trunk_;
  HintBlock hint_;
  std::vector<nn::Linear> zero_convs_;
  nn::Linear middle_out_;
  ControlUnion union_;
};

// The tensors of the published "shuffle" ControlNets do not show it, so the name decides, as in ComfyUI.
bool is_shuffle(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  return stem.ends_with("_shuffle") || stem.ends_with("_shuffle_fp16");
}

// a += b if both are defined; a = b if only b is.
void add_residual(Tensor& a, const Tensor& b) {
  if (!b.defined()) return;
  if (!a.defined()) a = b;
  else a = a.dim(0) < b.dim(0) ? ops::add(b, a) : ops::add(a, b);
}

void scale(std::vector<Tensor>& maps, float strength) {
  for (Tensor& t : maps)
    if (t.defined() && strength != 1.0f) t = ops::affine(t, strength);
}

void merge(std::vector<Tensor>& own, const std::vector<Tensor>& previous, bool align_ends) {
  const size_t both = std::max(own.size(), previous.size());
  if (align_ends) own.insert(own.begin(), both - own.size(), Tensor());
  else own.resize(both);
  const size_t shift = align_ends ? both - previous.size() : 0;
  for (size_t i = 0; i < previous.size(); ++i) add_residual(own[i + shift], previous[i]);
}

}  // namespace

Tensor hint_rows(const Tensor& per_picture, const ControlInputs& in) {
  if (!per_picture.defined() || per_picture.dim(0) == 1) return per_picture;
  const int64_t n = in.x.dim(0), per_chunk = std::max<int64_t>(1, n / std::max<int64_t>(1, in.chunks));
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(per_picture.slice(0, i % per_chunk % per_picture.dim(0), 1));
  return ops::concat(rows, 0);
}

ControlResiduals merge_control(ControlResiduals own, float strength, const ControlResiduals* previous) {
  if (strength == 0.0f) own = {};
  scale(own.input, strength);
  scale(own.middle, strength);
  scale(own.output, strength);
  if (!previous) return own;
  merge(own.input, previous->input, /*align_ends=*/true);  // the reference counts these from the last input block
  merge(own.middle, previous->middle, false);
  merge(own.output, previous->output, false);
  return own;
}

std::shared_ptr<const ControlNet> make_controlnet(const nn::Weights& w, bool average) {
  return from_file(
      w, [&]() -> std::shared_ptr<const ControlNet> { return std::make_shared<const UNetControl>(w, average); });
}

void check_control_net(const nn::Weights& w, ControlKind kind) {
  const nn::Weights probe = w.probing() ? w : w.probe();
  if (kind == ControlKind::kControlNet) const UNetControl checked(probe, false);
  else make_t2i_adapter(probe, kind);
}

ControlNetHandle load_controlnet(const formats::ModelFile& opened, memory::Residency& residency, DType compute,
                                 const ModelHandle* base) {
  const std::string file = opened.name();
  ControlNetHandle handle;
  handle.file = file;
  const ControlTensors found = control_tensors(*opened.tensors);
  if (found.kind == ControlKind::kNone)
    throw Error(Fault::kUnsupported, "there is neither a ControlNet nor a T2I-Adapter in this file")
        .in_file(file)
        .fix("`easel models` says what the file is and which loader takes it");
  if (found.kind == ControlKind::kControlLora) {
    handle.lora = std::make_shared<const ControlLora>(found.tensors, file);
    handle.context_dim = handle.lora->context_dim();
    handle.adm_channels = handle.lora->adm_channels();
    handle.model_channels = handle.lora->model_channels();
    return handle;
  }
  const nn::Weights weights(found.tensors, compute, file);
  std::vector<nn::WeightPatchPtr> patches;
  if (is_control_difference(*opened.tensors)) {
    if (!base)
      throw Error(Fault::kInvalid, "this ControlNet is stored as the difference from the weights of a model")
          .in_file(file)
          .fix("Load it with DiffControlNetLoader, and the model that it is for");
    patches.push_back(on_top_of(*base));
  }
  std::string kind = "control";
  std::function<std::shared_ptr<const ControlNet>(const nn::Weights&)> make;
  if (found.kind == ControlKind::kControlNet) {
    const UNetConfig config = read_control_config(weights);
    handle.context_dim = config.context_dim;
    handle.adm_channels = config.adm_channels;
    handle.model_channels = config.model_channels;
    handle.hint_kinds = count_hint_kinds(weights);
    if (const sd::Variant* variant = sd::detect_variant(config, *found.tensors)) handle.family = &variant->family;
    const bool average = is_shuffle(opened.path);
    if (average) kind = "control, averaged";
    make = [average](const nn::Weights& w) { return make_controlnet(w, average); };
  } else {
    const T2iConfig config = read_t2i_config(weights, found.kind);
    handle.t2i_adapter = true;
    handle.model_channels = config.model_channels;
    handle.family = config.sdxl ? &sd::kSdxl.family : &sd::kSd1.family;
    make = [kind = found.kind](const nn::Weights& w) {
      return from_file(w, [&] { return make_t2i_adapter(w, kind); });
    };
  }
  check_control_net(weights, found.kind);
  handle.net = packed_model<ControlNet>(residency, (handle.t2i_adapter ? "T2I-Adapter " : "ControlNet ") + file,
                                        {kind, found.tensors, compute, patches},
                                        [=, tensors = found.tensors](const ops::Packer& packer) {
                                          return make(nn::Weights(tensors, compute, file, packer).patched(patches));
                                        });
  return handle;
}

std::optional<Error> control_mismatch(const ControlNetHandle& control, const ModelHandle& model) {
  if (control.lora) return control.lora->mismatch(model);
  const std::string kind = control.t2i_adapter ? "T2I-Adapter" : "ControlNet";
  const std::string name = family_name(&model.family());
  if (!model.net->takes().control || !model.net->unet())
    return Error(Fault::kMismatch, "The model " + model.file + " (" + name + ") takes no " + kind);
  const UNetConfig& config = model.net->unet()->config;
  const auto misfit = [&](const std::string& why) {
    return Error(Fault::kMismatch, "The " + kind + " " + control.file + " is made for " + why)
        .fix("Use a " + kind + " made for " + name);
  };
  const auto says = [&](const char* what, int64_t theirs, int64_t ours) {
    return misfit(std::string(what) + " of width " + std::to_string(theirs) + " (" + family_name(control.family) +
                  "), but the model " + model.file + " has " + std::to_string(ours) + " (" + name + ")");
  };
  const bool wide = sd::is_xl(&model.family());
  if (!control.t2i_adapter && control.context_dim > 0 && control.context_dim != config.context_dim)
    return says("a text context", control.context_dim, config.context_dim);
  if (control.model_channels != config.model_channels)
    return says("feature maps", control.model_channels, config.model_channels);
  if (control.adm_channels > 0 && control.adm_channels != config.adm_channels)
    return says("a label vector", control.adm_channels, config.adm_channels);
  if ((control.family == &sd::kSdxl.family) != wide)
    return misfit(std::string(family_name(control.family)) + ", but the model " + model.file + " is " + name);
  return std::nullopt;
}

}  // namespace easel::models
