#include "models/unet/unet_blocks.h"

#include <algorithm>

#include "models/weights/key_names.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

[[noreturn]] void bad_width(const nn::Weights& w, int64_t got, int64_t wanted) {
  throw Error(Fault::kBadFile, "the tensors of '" + w.full("") + "*' are for " + std::to_string(got) +
                                   " channels, but the block before gives " + std::to_string(wanted))
      .in_file(w.file());
}

bool has_child(const std::vector<std::string>& children, const char* name) {
  return std::find(children.begin(), children.end(), name) != children.end();
}

size_t part_bytes(const nn::Conv2d& conv) { return conv.bytes(); }
size_t part_bytes(const Downsample& d) { return d.op.bytes(); }
size_t part_bytes(const Upsample& u) { return u.conv.bytes(); }
template <class T>
size_t part_bytes(const T& part) {
  return part.bytes();
}

}  // namespace

nn::Conv2d conv_f32(const nn::Weights& w) { return nn::Conv2d(with_bias(w), {.pad = 1}, DType::kF32); }

nn::Linear linear_f32(const nn::Weights& w) { return nn::Linear(with_bias(w), DType::kF32); }

ResBlock::ResBlock(const nn::Weights& w)
    : norm1_(w["in_layers"][0]),
      norm2_(w["out_layers"][0]),
      conv1_(with_bias(w["in_layers"][2]).quantised(), {.pad = 1}),
      conv2_(with_bias(w["out_layers"][3]).quantised(), {.pad = 1}),
      emb_(with_bias(w["emb_layers"][1])),
      compute_(w.compute()) {
  if (w.has("skip_connection.weight") || (conv1_ && conv2_ && in_channels() != out_channels()))
    skip_ = pointwise(w["skip_connection"].quantised());
}

Tensor ResBlock::operator()(const Tensor& x, const Evaluation& e) const {
  const Tensor emb = emb_(e.emb, {.f32_out = true});
  Tensor h = conv1_(group_norm(norm1_, x, ops::Activation::kSilu, e, compute_), {.channel_bias = emb});
  h = group_norm(norm2_, h, ops::Activation::kSilu, e);
  const Tensor residual = skip_ ? skip_(convert(x, compute_), {.f32_out = true}) : x;
  return conv2_(h, {.residual = residual, .f32_out = true});
}

bool ResBlock::fits(int64_t emb_dim) const {
  const int64_t in = in_channels(), middle = conv1_.out_channels(), out = out_channels();
  return norm1_.width() == in && norm2_.width() == middle && conv1_.kernel() == 3 && conv2_.kernel() == 3 &&
         conv2_.in_channels() == middle && emb_.in_features() == emb_dim && emb_.out_features() == middle &&
         (skip_ ? skip_.in_features() == in && skip_.out_features() == out : in == out);
}

size_t ResBlock::bytes() const { return conv1_.bytes() + conv2_.bytes() + emb_.bytes() + skip_.bytes(); }

Block::Block(const nn::Weights& w, const UNetConfig& config, AttentionSite& site, int64_t parts)
    : compute_(w.compute()) {
  const int64_t count = std::max(parts, numbered_children(w));
  for (int64_t i = 0; i < count; ++i) {
    const nn::Weights part = w[i];
    const std::vector<std::string> children = part.children();
    if (part.has("weight")) {
      parts_.emplace_back(conv_f32(part));
    } else if (has_child(children, "op")) {
      parts_.emplace_back(Downsample(part));
    } else if (has_child(children, "conv")) {
      parts_.emplace_back(Upsample(part));
    } else if (i % 2 == 1) {
      parts_.emplace_back(SpatialTransformer(part, config, site));
    } else {
      parts_.emplace_back(ResBlock(part));
    }
  }
}

Tensor Block::operator()(Tensor h, const Evaluation& e, MapSize to) const {
  for (const Part& part : parts_)
    h = std::visit(
        Overload{[&](const nn::Conv2d& conv) { return conv(h); }, [&](const ResBlock& block) { return block(h, e); },
                 [&](const SpatialTransformer& transformer) { return transformer(h, e); },
                 [&](const Downsample& down) { return down.op(convert(h, compute_), {.f32_out = true}); },
                 [&](const Upsample& up) {
                   const bool twice = to.height == 0 || (to.height == 2 * h.dim(1) && to.width == 2 * h.dim(2));
                   const Tensor x = convert(h, compute_);
                   return twice ? up.conv(x, {.upsample2x = true, .f32_out = true})
                                : up.conv(ops::resample(x, ops::nearest_taps(x.dim(1), to.height),
                                                        ops::nearest_taps(x.dim(2), to.width)),
                                          {.f32_out = true});
                 }},
        part);
  return h;
}

void Block::project(const KeyValueRows& context, std::vector<ContextProjection::KeyValue>& layers) const {
  for (const Part& part : parts_)
    if (const auto* transformer = std::get_if<SpatialTransformer>(&part)) transformer->project(context, layers);
}

void Block::check_widths(MapFlow& map, int64_t emb_dim, int64_t context_dim, const nn::Weights& w) const {
  const auto require = [&](bool fits) {
    if (!fits)
      throw Error(Fault::kBadFile, "the shapes of the tensors '" + w.full("") + "*' do not fit one another")
          .in_file(w.file());
  };
  const auto follow = [&](int64_t in, int64_t out) {
    if (in != map.channels) bad_width(w, in, map.channels);
    if (out % 32 != 0)
      throw Error(Fault::kBadFile,
                  "'" + w.full("") + "*' is " + std::to_string(out) + " channels wide, not a multiple of 32")
          .in_file(w.file());
    map.channels = out;
  };
  const auto follow_conv = [&](const nn::Conv2d& conv) {
    require(conv.kernel() == 3);
    follow(conv.in_channels(), conv.out_channels());
  };
  for (const Part& part : parts_)
    std::visit(Overload{[&](const nn::Conv2d& conv) { follow_conv(conv); },
                        [&](const Downsample& down) {
                          follow_conv(down.op);
                          ++map.level;
                        },
                        [&](const Upsample& up) {
                          follow_conv(up.conv);
                          --map.level;
                        },
                        [&](const ResBlock& block) {
                          require(block.fits(emb_dim));
                          follow(block.in_channels(), block.out_channels());
                        },
                        [&](const SpatialTransformer& t) {
                          require(t.fits(context_dim));
                          follow(t.channels(), t.channels());
                        }},
               part);
}

void TimeEmbedding::check(const nn::Weights& w) const {
  const int64_t inner = time_in_.out_features();
  const bool label =
      !label_in_ || (label_out_.in_features() == label_in_.out_features() && label_out_.out_features() == width());
  if (time_out_.in_features() != inner || time_in_.in_features() % 2 != 0 || !label)
    throw Error(Fault::kBadFile, "the shapes of the tensors '" + w.full("time_embed") + "*' do not fit one another")
        .in_file(w.file());
}

size_t Block::bytes() const {
  size_t total = 0;
  for (const Part& part : parts_) total += std::visit([](const auto& p) { return part_bytes(p); }, part);
  return total;
}

TimeEmbedding::TimeEmbedding(const nn::Weights& w)
    : device_(w.packer().device()),
      time_in_(linear_f32(w["time_embed"][0])),
      time_out_(linear_f32(w["time_embed"][2])) {
  if (w["label_emb"].children().empty()) return;
  label_in_ = linear_f32(w["label_emb"][0][0]);
  label_out_ = linear_f32(w["label_emb"][0][2]);
}

Tensor TimeEmbedding::operator()(std::span<const float> timesteps, const Tensor& y, DType compute,
                                 const Tensor& added) const {
  Tensor emb = time_in_(ops::timestep_embedding(timesteps, time_in_.in_features(), 10000.0f, device_),
                        {.activation = ops::Activation::kSilu});
  emb = time_out_(emb);
  if (added.defined()) emb = ops::add(emb, added);
  const bool takes_label = static_cast<bool>(label_in_);
  if (takes_label != y.defined())
    throw Error(Fault::kMismatch, takes_label ? "the model needs a label vector besides the text, and there is none"
                                              : "the model takes no label vector besides the text");
  if (takes_label) {
    if (y.rank() != 2 || y.dim(0) != emb.dim(0) || y.dim(1) != label_in_.in_features())
      throw Error(Fault::kMismatch, "a label vector of shape " + y.shape().str() + " for a model that takes " +
                                        std::to_string(label_in_.in_features()) + " numbers");
    emb = label_out_(label_in_(convert(y.to(device_), DType::kF32), {.activation = ops::Activation::kSilu}),
                     {.residual = emb});
  }
  return convert(ops::activate(emb, ops::Activation::kSilu), compute);
}

size_t TimeEmbedding::bytes() const {
  return time_in_.bytes() + time_out_.bytes() + label_in_.bytes() + label_out_.bytes();
}

UNetTrunk::UNetTrunk(const nn::Weights& w, const UNetConfig& config, AttentionSite& site) : time(w) {
  site.block = BlockKind::kInput;
  for (size_t i = 0; i < config.input_depth.size(); ++i) {
    site.block_index = static_cast<int>(i);
    input_blocks.emplace_back(w["input_blocks"][static_cast<int64_t>(i)], config, site);
  }
}

void UNetTrunk::build_middle(const nn::Weights& w, const UNetConfig& config, AttentionSite& site) {
  if (config.middle_depth < -1) return;
  site.block = BlockKind::kMiddle;
  site.block_index = 0;
  middle.emplace_back(w["middle_block"], config, site, config.middle_depth < 0 ? 1 : 3);
}

size_t UNetTrunk::bytes() const {
  size_t total = time.bytes();
  for (const Block& block : input_blocks) total += block.bytes();
  for (const Block& block : middle) total += block.bytes();
  return total;
}

void check_context(const Tensor& context, int64_t context_dim, const std::string& file) {
  if (context.rank() == 3 && context.dim(2) == context_dim) return;
  const std::string got =
      context.rank() == 3 ? std::to_string(context.dim(2)) + " wide" : "of shape " + context.shape().str();
  throw Error(Fault::kMismatch,
              "the text context is " + got + ", but this model takes one " + std::to_string(context_dim) + " wide")
      .in_file(file)
      .fix("Use the text encoder that belongs to this model's family");
}

}  // namespace easel::models
