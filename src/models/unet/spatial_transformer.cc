#include "models/unet/spatial_transformer.h"

#include "models/weights/key_names.h"

namespace easel::models {

int64_t head_count(const UNetConfig& config, int64_t channels, const nn::Weights& w) {
  const int64_t heads = config.num_heads > 0 ? config.num_heads : channels / std::max<int64_t>(1, config.head_channels);
  if (heads > 0 && channels % heads == 0) return heads;
  throw Error(Fault::kBadFile, "'" + w.full("norm.weight") + "' has " + std::to_string(channels) +
                                   " channels, which do not divide into attention heads")
      .in_file(w.file());
}

Tensor group_norm(const nn::GroupNorm& norm, const Tensor& x, ops::Activation activation, const Evaluation& e,
                  std::optional<DType> out) {
  Tensor seen = x;
  for (const AttentionHookPtr& hook : e.hooks)
    if (const Tensor beside = hook->beside_in_norms(*e.step, x); beside.defined())
      seen = ops::concat({seen, beside}, 1);
  const Tensor normed = norm(seen, activation, out);
  return seen.dim(1) == x.dim(1) ? normed : contiguous(normed.slice(1, 0, x.dim(1)));
}

KeyValueRows key_value_rows(const Tensor& rows, std::span<const AttentionHookPtr> hooks) {
  KeyValueRows out{rows, rows};
  for (const AttentionHookPtr& hook : hooks) out.differ = hook->change_rows(out.key, out.value) || out.differ;
  return out;
}

nn::Linear pointwise(const nn::Weights& w) {
  StoredTensor weight = w.get("weight");
  const StoredTensor bias = w.get("bias");
  if (!weight.defined()) return {};
  if (weight.rank() == 4 && weight.dim(2) == 1 && weight.dim(3) == 1) weight = weight.matrix();
  return nn::Linear(weight, bias, w.product(), w.packer());
}

TransformerBlock::TransformerBlock(const nn::Weights& w, const AttentionSite& site, int64_t heads)
    : site_(site),
      norm1_(w["norm1"]),
      norm2_(w["norm2"]),
      norm3_(w["norm3"]),
      qkv_(attends_twice_to_context(w)
               ? nn::Linear()
               : nn::Linear({w["attn1"]["to_q"].quantised(), w["attn1"]["to_k"], w["attn1"]["to_v"]})),
      self_out_(with_bias(w["attn1"]["to_out"][0]).quantised()),
      q_(w["attn2"]["to_q"].quantised()),
      context_kv_({w["attn2"]["to_k"], w["attn2"]["to_v"]}),
      cross_out_(with_bias(w["attn2"]["to_out"][0]).quantised()),
      ff_in_(with_bias(w["ff"]["net"][0]["proj"]).quantised(), /*geglu=*/true),
      ff_out_(with_bias(w["ff"]["net"][2]).quantised()),
      compute_(w.compute()) {
  site_.heads = heads;
  if (!attends_twice_to_context(w)) return;
  own_q_ = nn::Linear(w["attn1"]["to_q"].quantised());
  own_kv_ = nn::Linear({w["attn1"]["to_k"], w["attn1"]["to_v"]});
}

bool TransformerBlock::attends_twice_to_context(const nn::Weights& w) {
  const auto reads = [&](const char* name) {
    const auto shape = w["attn1"].shape(name);
    return shape && shape->rank() == 2 ? (*shape)[1] : 0;
  };
  return reads("to_q.weight") > 0 && reads("to_k.weight") > 0 && reads("to_q.weight") != reads("to_k.weight");
}

Tensor TransformerBlock::operator()(Tensor x, const Evaluation& e, int64_t height, int64_t width) const {
  AttentionSite site = site_;
  site.height = height;
  site.width = width;
  x = self_attention(x, e, site);
  for (const AttentionHookPtr& hook : e.hooks) x = hook->between_attentions(site, *e.step, x);
  x = cross_attention(x, e, site);
  return ff_out_(ff_in_(norm3_(x, compute_)), {.residual = x, .f32_out = true});
}

Tensor TransformerBlock::self_attention(const Tensor& x, const Evaluation& e, const AttentionSite& site) const {
  if (own_q_) {
    const auto& kept = e.context->layers[static_cast<size_t>(site.index)];
    const Tensor q = own_q_(norm1_(x, compute_));
    return self_out_(ops::attention(q, kept.own_key, kept.own_value, site.heads), {.residual = x, .f32_out = true});
  }
  const int64_t c = qkv_.out_features() / 3;
  const Tensor normed = norm1_(x, compute_);
  KeyValueRows rows = key_value_rows(normed, e.hooks);
  Tensor of_queries = normed;
  for (const AttentionHookPtr& hook : e.hooks)
    rows.differ = hook->align_rows(*e.step, of_queries, rows.key, rows.value) || rows.differ;
  const Tensor qkv = qkv_(of_queries);
  const Tensor q = qkv.slice(2, 0, c);
  Tensor k = qkv.slice(2, c, c), v = qkv.slice(2, 2 * c, c);
  if (rows.differ) {  // the three are one product; of the others, what is not wanted is left
    k = qkv_(rows.key).slice(2, c, c);
    v = qkv_(rows.value).slice(2, 2 * c, c);
  }
  Tensor out;
  for (const AttentionHookPtr& hook : e.hooks)
    if (Tensor instead = hook->replace_self_attention(site, *e.step, {.q = q, .k = k, .v = v, .rows = of_queries});
        instead.defined())
      out = instead;
  if (!out.defined()) out = ops::attention(q, k, v, site.heads);
  return self_out_(out, {.residual = x, .f32_out = true});
}

// What hooks are given.
class TransformerBlock::Projector final : public ContextProjector {
 public:
  // `like`: of the compute type, on the device of the weights.
  Projector(const TransformerBlock& block, const Evaluation& e, int site, const Tensor& like)
      : block_(block), kept_(e.hook_projections), site_(site), like_(like) {}
  ContextProjection::KeyValue project(const Tensor& context) const override {
    const auto made = [&] { return block_.project(convert(context, like_.dtype()).to(like_.device())); };
    return kept_ ? kept_->of(site_, context, made) : made();
  }

 private:
  const TransformerBlock& block_;
  HookProjections* kept_;
  int site_;
  const Tensor& like_;
};

Tensor TransformerBlock::cross_attention(const Tensor& x, const Evaluation& e, const AttentionSite& site) const {
  const auto& kept = e.context->layers[static_cast<size_t>(site.index)];
  const Tensor q = q_(norm2_(x, compute_));
  Tensor out = ops::attention(q, kept.key, kept.value, site.heads);
  for (const AttentionHookPtr& hook : e.hooks)
    if (Tensor instead = hook->replace_cross_attention(Projector(*this, e, site.index, q), site, *e.step, q, out);
        instead.defined())
      out = std::move(instead);
  for (const AttentionHookPtr& hook : e.hooks) out = hook->after_cross_attention(site, *e.step, q, out);
  return cross_out_(out, {.residual = x, .f32_out = true});
}

ContextProjection::KeyValue TransformerBlock::project(const KeyValueRows& context) const {
  // Keys and values are one product, which is made twice where their rows differ.
  const auto both = [&](const nn::Linear& kv) {
    const Tensor from_key = kv(context.key), from_value = context.differ ? kv(context.value) : from_key;
    const int64_t c = from_key.dim(2) / 2;
    return KeyValueRows{from_key.slice(2, 0, c), from_value.slice(2, c, c)};
  };
  const KeyValueRows kv = both(context_kv_);
  ContextProjection::KeyValue out{kv.key, kv.value};
  if (own_kv_) {
    const KeyValueRows own = both(own_kv_);
    out.own_key = own.key;
    out.own_value = own.value;
  }
  return out;
}

bool TransformerBlock::fits(int64_t width, int64_t context_dim) const {
  const int64_t hidden = ff_out_.in_features();
  const auto is = [](const nn::Linear& l, int64_t in, int64_t out) {
    return l.in_features() == in && l.out_features() == out;
  };
  return norm1_.width() == width && norm2_.width() == width && norm3_.width() == width &&
         (own_q_ ? is(own_q_, width, width) && is(own_kv_, context_dim, 2 * width) : is(qkv_, width, 3 * width)) &&
         is(self_out_, width, width) && is(q_, width, width) && is(context_kv_, context_dim, 2 * width) &&
         is(cross_out_, width, width) && is(ff_in_, width, 2 * hidden) && is(ff_out_, hidden, width);
}

size_t TransformerBlock::bytes() const {
  return qkv_.bytes() + own_q_.bytes() + own_kv_.bytes() + self_out_.bytes() + q_.bytes() + context_kv_.bytes() +
         cross_out_.bytes() + ff_in_.bytes() + ff_out_.bytes();
}

SpatialTransformer::SpatialTransformer(const nn::Weights& w, const UNetConfig& config, AttentionSite& site)
    : norm_(w["norm"], 1e-6f),
      proj_in_(pointwise(w["proj_in"].quantised())),
      proj_out_(pointwise(w["proj_out"])),
      compute_(w.compute()) {
  const int64_t heads = proj_in_ ? head_count(config, proj_in_.out_features(), w) : 1;
  // Small SDXL ControlNets have transformers without a single block.
  const int64_t depth = std::max<int64_t>(config.context_dim > 0 ? 1 : 0, numbered_children(w["transformer_blocks"]));
  for (int64_t i = 0; i < depth; ++i) {
    site.transformer = static_cast<int>(i);
    blocks_.emplace_back(w["transformer_blocks"][i], site, heads);
    ++site.index;
  }
  ++site.spatial;
}

Tensor SpatialTransformer::operator()(const Tensor& x, const Evaluation& e) const {
  const int64_t n = x.dim(0), height = x.dim(1), width = x.dim(2);
  const Tensor tokens = x.view({n, height * width, x.dim(3)});
  Tensor h = proj_in_(group_norm(norm_, x, ops::Activation::kNone, e, compute_), {.f32_out = true})
                 .view({n, height * width, -1});
  for (const TransformerBlock& block : blocks_) h = block(std::move(h), e, height, width);
  return proj_out_(convert(h, compute_), {.residual = tokens, .f32_out = true}).view({n, height, width, -1});
}

void SpatialTransformer::project(const KeyValueRows& context, std::vector<ContextProjection::KeyValue>& layers) const {
  for (const TransformerBlock& block : blocks_) layers.push_back(block.project(context));
}

bool SpatialTransformer::fits(int64_t context_dim) const {
  const int64_t inner = proj_in_.out_features();
  bool all = norm_.width() == channels() && proj_in_.in_features() == channels() && proj_out_.in_features() == inner;
  for (const TransformerBlock& block : blocks_) all = all && block.fits(inner, context_dim);
  return all;
}

size_t SpatialTransformer::bytes() const {
  size_t total = proj_in_.bytes() + proj_out_.bytes();
  for (const TransformerBlock& block : blocks_) total += block.bytes();
  return total;
}

}  // namespace easel::models
