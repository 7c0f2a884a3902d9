#include "models/detect/yolo_blocks.h"

#include <algorithm>
#include <limits>

#include "models/hints/dpt.h"
#include "models/onnx/windows.h"
#include "models/text/clip_encoder.h"
#include "nn/layers.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr int64_t kLargestWindow = 31, kMostChannels = 1 << 16;

// What the blocks inside of one add to its memory.
template <class... Blocks>
size_t bytes_of(const Blocks&... blocks) {
  return (size_t{0} + ... + (blocks ? blocks->bytes() : 0));
}

// --- Convolutions ---

ops::Activation activation_of(const YoloModule& module) {
  const std::string kind = module.kind();
  if (kind == "SiLU") return ops::Activation::kSilu;
  if (kind == "ReLU") return ops::Activation::kRelu;
  if (kind != "Identity") module.refuse("is an activation that Easel does not have");
  return ops::Activation::kNone;
}

// Both numbers of a pair, which are to be the same.
int64_t square(const YoloModule& module, const std::string& name) {
  const std::vector<int64_t> sides = module.integers(name);
  if (sides.empty() || sides.size() > 2 || sides.front() != sides.back())
    module.refuse("has a " + name + " that is not the same along both sides");
  return sides.front();
}

// Weights and bias of a convolution with the batch norm after it, if there is one.
struct Folded {
  StoredTensor weight, bias;
};
Folded folded(const YoloModule& conv, const YoloModule* norm, int64_t out) {
  const nn::Weights& w = conv.weights();
  Folded made{w.get("weight"), w.optional("bias")};
  if (made.bias.defined()) expect_shape(w, "bias", {out});
  if (!norm) return made;
  if (norm->kind() != "BatchNorm2d") norm->refuse("is a norm that Easel does not have");
  const nn::Weights& n = norm->weights();
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) expect_shape(n, name, {out});
  const auto eps = static_cast<float>(norm->number("eps"));
  const StoredTensor gain = n.get("weight"), shift = n.get("bias"), mean = n.get("running_mean"),
                     variance = n.get("running_var");
  if (!made.weight.defined() || !gain.defined() || !shift.defined() || !mean.defined() || !variance.defined())
    return {};
  if (w.packer().measures()) return {made.weight, shift};  // which have the shapes
  const auto each = [&](const StoredTensor& t) { return t.decoded().view({out, 1, 1, 1}); };
  // y = gain (conv(x) + b - mean) / sqrt(variance + eps) + shift
  const Tensor scale = ops::map([=](auto g, auto v) { return g / ops::sqrt(v + eps); }, each(gain), each(variance));
  const Tensor before = made.bias.defined() ? each(made.bias) : Tensor::zeros({out, 1, 1, 1});
  const Tensor bias =
      ops::map([](auto s, auto b, auto m, auto t) { return (b - m) * s + t; }, scale, before, each(mean), each(shift));
  const Folded out_of_file{ops::map([](auto v, auto s) { return v * s; }, made.weight.decoded(), scale),
                           bias.view({out})};
  made.weight.drop_pages();
  return out_of_file;
}

class Convolution : public YoloBlock {
 public:
  // `conv` is a Conv2d.
  Convolution(const YoloModule& conv, const YoloModule* norm, ops::Activation activation, int64_t in)
      : activation_(activation) {
    const nn::Weights& w = conv.weights();
    const int64_t groups = conv.integer("groups", 1);
    const auto shape = w.shape("weight");
    if (!shape) {
      w.get("weight");
      w.require_all();
    }
    const Shape& s = *shape;
    if (s.rank() != 4 || s[0] < 1 || s[0] > kMostChannels || groups < 1 || groups > kMostChannels ||
        s[1] > kMostChannels || s[1] * groups != in || s[2] != s[3] || s[2] % 2 == 0 || s[2] > kLargestWindow)
      conv.damaged("has weights " + s.str() + " for " + std::to_string(in) + " channels");
    const int64_t stride = square(conv, "stride");
    if (square(conv, "dilation") != 1 || square(conv, "padding") != s[2] / 2 || stride < 1 || stride > 2)
      conv.refuse("has gaps, a padding or steps that Easel does not compute here");
    width = s[0];
    widest = in + width;
    down = stride;
    const Folded made = folded(conv, norm, width);
    if (groups > 1 && (groups != in || width != in)) conv.refuse("has groups of several channels");
    if (w.probing() || !made.weight.defined()) return;
    if (groups > 1) {
      keep_each(made, s, stride, w.packer());
    } else {
      packed_ = ops::pack_conv2d(made.weight, made.bias, {.stride = stride, .pad = s[2] / 2}, DType::kF32, w.packer());
    }
  }

  Tensor operator()(const Tensor& x) const override {
    if (packed_) return ops::conv2d(x, *packed_, {.activation = activation_});
    const Tensor sums = of_each_channel(x);
    return activation_ == ops::Activation::kNone ? sums : ops::activate(sums, activation_);
  }
  size_t bytes() const override { return (packed_ ? packed_->bytes : 0) + each_bytes_; }

 private:
  // Sums of each channel by itself.
  Tensor of_each_channel(const Tensor& x) const {
    const onnx::WindowPixels pixels(x, window_, 0.0f);
    Tensor out = Tensor::zeros({x.dim(0), pixels.places()[0], pixels.places()[1], x.dim(3)}, DType::kF32, x.device());
    if (bias_.defined()) ops::copy(bias_, out);
    const auto [rows, columns] = window_.size;
    for (int64_t k = 0; k < rows * columns; ++k)
      ops::update(
          out, [](auto sum, auto v, auto w) { return sum + v * w; }, pixels(k / columns, k % columns),
          weights_.slice(0, k, 1));
    return out;
  }
  void keep_each(const Folded& made, const Shape& s, int64_t stride, const ops::Packer& packer) {
    const int64_t taps = s[2] * s[3];
    each_bytes_ = static_cast<size_t>(s[0] * (taps + 1)) * sizeof(float);
    window_.size = {s[2], s[3]};
    window_.stride = {stride, stride};
    window_.before = window_.after = {s[2] / 2, s[3] / 2};
    if (packer.measures()) return;
    weights_ = contiguous(made.weight.decoded().view({s[0], taps}).permute({1, 0}))
                   .view({taps, 1, 1, s[0]})
                   .to(packer.device());
    if (made.bias.defined()) bias_ = made.bias.decoded().view({1, 1, 1, s[0]}).to(packer.device());
  }

  ops::Activation activation_;
  ops::PackedConvPtr packed_;
  onnx::Window window_;
  Tensor weights_, bias_;
  size_t each_bytes_ = 0;
};

// Convolution, batch norm, activation. Fused files have the norm in the convolution.
YoloBlockPtr conv_block(const YoloModule& module, int64_t in) {
  const YoloModule norm = module["bn"];
  const bool normed = !norm.kind().empty();
  return std::make_shared<const Convolution>(module["conv"], normed ? &norm : nullptr, activation_of(module["act"]),
                                             in);
}

// --- Blocks of blocks ---

class Identity : public YoloBlock {
 public:
  explicit Identity(int64_t in) { width = widest = in; }
  Tensor operator()(const Tensor& x) const override { return x; }
  size_t bytes() const override { return 0; }
};

class Sequence : public YoloBlock {
 public:
  Sequence(const YoloModule& module, int64_t in) {
    constexpr int64_t kMostTimes = 1024;  // as a whole, so that products of sizes are numbers that can be had
    width = widest = in;
    for (int64_t i = 0, n = module.count(); i < n; ++i) {
      parts_.push_back(make_yolo_block(module[i], width));
      width = parts_.back()->width;
      const int64_t before = up;
      up *= parts_.back()->up;
      down *= parts_.back()->down;
      if (up > kMostTimes || down > kMostTimes) module.refuse("changes the size of a map too often");
      widest = std::max(widest, parts_.back()->widest * before * before);
    }
  }
  Tensor operator()(const Tensor& x) const override {
    Tensor out = x;
    for (const YoloBlockPtr& part : parts_) out = (*part)(out);
    return out;
  }
  size_t bytes() const override {
    size_t total = 0;
    for (const YoloBlockPtr& part : parts_) total += part->bytes();
    return total;
  }

 private:
  std::vector<YoloBlockPtr> parts_;
};

// A block that keeps the size of the map.
YoloBlockPtr same_size(const YoloModule& module, int64_t in) {
  YoloBlockPtr out = make_yolo_block(module, in);
  if (out->up != 1 || out->down != 1) module.damaged("changes the size of a map where that must stay");
  return out;
}
void expect_width(const YoloModule& module, const YoloBlockPtr& block, int64_t width) {
  if (block->width != width)
    module.damaged("gives " + std::to_string(block->width) + " channels where there must be " + std::to_string(width));
}

class Bottleneck : public YoloBlock {
 public:
  Bottleneck(const YoloModule& module, int64_t in)
      : first_(same_size(module["cv1"], in)),
        second_(same_size(module["cv2"], first_->width)),
        add_(module.flag("add")) {
    width = second_->width;
    widest = in + std::max(first_->widest, second_->widest);
    if (add_) expect_width(module["cv2"], second_, in);
  }
  Tensor operator()(const Tensor& x) const override {
    const Tensor out = (*second_)((*first_)(x));
    return add_ ? ops::add(x, out) : out;
  }
  size_t bytes() const override { return bytes_of(first_, second_); }

 private:
  YoloBlockPtr first_, second_;
  bool add_;
};

// C2f and C3k2: half of the channels go through blocks one after another, and what each gives is joined.
class Split : public YoloBlock {
 public:
  Split(const YoloModule& module, int64_t in) : first_(same_size(module["cv1"], in)) {
    half_ = first_->width / 2;
    if (half_ * 2 != first_->width) module["cv1"].damaged("gives an odd number of channels");
    int64_t inner = 0;
    for (int64_t i = 0, n = module["m"].count(); i < n; ++i) {
      parts_.push_back(same_size(module["m"][i], half_));
      expect_width(module["m"][i], parts_.back(), half_);
      inner = std::max(inner, parts_.back()->widest);
    }
    const int64_t joined = (2 + static_cast<int64_t>(parts_.size())) * half_;
    last_ = same_size(module["cv2"], joined);
    width = last_->width;
    widest = in + first_->width + 2 * joined + std::max(inner, width);
  }
  Tensor operator()(const Tensor& x) const override {
    const Tensor both = (*first_)(x);
    std::vector<Tensor> all{contiguous(both.slice(3, 0, half_)), contiguous(both.slice(3, half_, half_))};
    for (const YoloBlockPtr& part : parts_) all.push_back((*part)(all.back()));
    return (*last_)(ops::concat(all, -1));
  }
  size_t bytes() const override {
    size_t total = bytes_of(first_, last_);
    for (const YoloBlockPtr& part : parts_) total += part->bytes();
    return total;
  }

 private:
  YoloBlockPtr first_, last_;
  std::vector<YoloBlockPtr> parts_;
  int64_t half_ = 0;
};

// C3 and C3k.
class Branches : public YoloBlock {
 public:
  Branches(const YoloModule& module, int64_t in)
      : first_(same_size(module["cv1"], in)),
        beside_(same_size(module["cv2"], in)),
        inner_(same_size(module["m"], first_->width)),
        last_(same_size(module["cv3"], inner_->width + beside_->width)) {
    width = last_->width;
    widest = in + std::max(first_->widest, inner_->widest) + 2 * (inner_->width + beside_->width) + width;
  }
  Tensor operator()(const Tensor& x) const override {
    return (*last_)(ops::concat({(*inner_)((*first_)(x)), (*beside_)(x)}, -1));
  }
  size_t bytes() const override { return bytes_of(first_, beside_, inner_, last_); }

 private:
  YoloBlockPtr first_, beside_, inner_, last_;
};

// The largest value of windows around each pixel, along one side and then along the other.
Tensor largest_around(const Tensor& x, int64_t window) {
  Tensor out = x;
  for (const size_t d : {size_t{1}, size_t{0}}) {
    onnx::Window one;
    one.size = {1, 1};
    one.size[d] = window;
    one.before[d] = one.after[d] = window / 2;
    const onnx::WindowPixels pixels(out, one, -std::numeric_limits<float>::max());
    const auto pixel = [&](int64_t k) { return d == 0 ? pixels(k, 0) : pixels(0, k); };
    Tensor best = clone(pixel(0));
    for (int64_t k = 1; k < window; ++k)
      ops::update(
          best, [](auto a, auto b) { return ops::max(a, b); }, pixel(k));
    out = best;
  }
  return out;
}

// SPPF: the largest values of ever wider windows beside the map itself.
class Pyramid : public YoloBlock {
 public:
  Pyramid(const YoloModule& module, int64_t in)
      : first_(same_size(module["cv1"], in)), times_(module.integer("n", 3)), add_(module.flag("add", false)) {
    const YoloModule pool = module["m"];
    if (pool.kind() != "MaxPool2d") pool.refuse("is no MaxPool2d");
    window_ = square(pool, "kernel_size");
    if (window_ < 1 || window_ > kLargestWindow || window_ % 2 == 0 || square(pool, "stride") != 1 ||
        square(pool, "padding") != window_ / 2 || square(pool, "dilation") != 1 || pool.flag("ceil_mode", false))
      pool.refuse("has windows that Easel does not compute here");
    constexpr int64_t kMostTimes = 8;
    if (times_ < 1 || times_ > kMostTimes) module.damaged("pools " + std::to_string(times_) + " times");
    last_ = same_size(module["cv2"], first_->width * (times_ + 1));
    width = last_->width;
    widest = in + 2 * first_->width * (times_ + 1) + 3 * first_->width + width;
    if (add_) expect_width(module["cv2"], last_, in);
  }
  Tensor operator()(const Tensor& x) const override {
    std::vector<Tensor> all{(*first_)(x)};
    for (int64_t i = 0; i < times_; ++i) all.push_back(largest_around(all.back(), window_));
    const Tensor out = (*last_)(ops::concat(all, -1));
    return add_ ? ops::add(out, x) : out;
  }
  size_t bytes() const override { return bytes_of(first_, last_); }

 private:
  YoloBlockPtr first_, last_;
  int64_t window_ = 0, times_;
  bool add_;
};

// --- YOLO11's attention ---

class SpatialAttention : public YoloBlock {
 public:
  SpatialAttention(const YoloModule& module, int64_t in)
      : heads_(module.integer("num_heads")), key_(module.integer("key_dim")), value_(module.integer("head_dim")) {
    constexpr int64_t kMost = 4096;
    if (heads_ < 1 || heads_ > kMost || key_ < 1 || value_ < key_ || value_ > kMost || heads_ * value_ != in)
      module.damaged("has " + std::to_string(heads_) + " heads of " + std::to_string(key_) + " and " +
                     std::to_string(value_) + " for " + std::to_string(in) + " channels");
    all_ = same_size(module["qkv"], in);
    expect_width(module["qkv"], all_, heads_ * (2 * key_ + value_));
    places_ = same_size(module["pe"], in);
    expect_width(module["pe"], places_, in);
    out_ = same_size(module["proj"], in);
    width = out_->width;
    widest = in + 2 * all_->width + 6 * in + width;
    scale_ = static_cast<float>(module.number("scale"));
  }
  Tensor operator()(const Tensor& x) const override {
    const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), rows = h * w;
    const Tensor parts = (*all_)(x).view({n, rows, heads_, 2 * key_ + value_});
    const Tensor v = contiguous(parts.slice(3, 2 * key_, value_)).view({n, rows, heads_ * value_});
    // As wide as the values, with zeros, which add nothing to products.
    const auto widened = [&](int64_t first) {
      const Tensor part = contiguous(parts.slice(3, first, key_));
      if (key_ == value_) return part.view({n, rows, heads_ * value_});
      const Tensor zeros = Tensor::zeros({n, rows, heads_, value_ - key_}, DType::kF32, x.device());
      return ops::concat({part, zeros}, -1).view({n, rows, heads_ * value_});
    };
    const Tensor seen = ops::attention(widened(0), widened(key_), v, heads_, {.scale = scale_});
    return (*out_)(ops::add(seen.view(x.shape()), (*places_)(v.view(x.shape()))));
  }
  size_t bytes() const override { return bytes_of(all_, places_, out_); }

 private:
  int64_t heads_, key_, value_;
  float scale_ = 0;
  YoloBlockPtr all_, places_, out_;
};

class AttentionBlock : public YoloBlock {
 public:
  AttentionBlock(const YoloModule& module, int64_t in)
      : attention_(same_size(module["attn"], in)),
        network_(same_size(module["ffn"], attention_->width)),
        add_(module.flag("add")) {
    expect_width(module["attn"], attention_, in);
    expect_width(module["ffn"], network_, in);
    width = in;
    widest = in + std::max(attention_->widest, network_->widest);
  }
  Tensor operator()(const Tensor& x) const override {
    const Tensor seen = add_ ? ops::add(x, (*attention_)(x)) : (*attention_)(x);
    return add_ ? ops::add(seen, (*network_)(seen)) : (*network_)(seen);
  }
  size_t bytes() const override { return bytes_of(attention_, network_); }

 private:
  YoloBlockPtr attention_, network_;
  bool add_;
};

// C2PSA: half of the channels go through attention.
class HalfAttention : public YoloBlock {
 public:
  HalfAttention(const YoloModule& module, int64_t in) : first_(same_size(module["cv1"], in)) {
    half_ = first_->width / 2;
    if (half_ * 2 != first_->width) module["cv1"].damaged("gives an odd number of channels");
    inner_ = same_size(module["m"], half_);
    expect_width(module["m"], inner_, half_);
    last_ = same_size(module["cv2"], first_->width);
    width = last_->width;
    widest = in + 3 * first_->width + inner_->widest + width;
  }
  Tensor operator()(const Tensor& x) const override {
    const Tensor both = (*first_)(x);
    const Tensor seen = (*inner_)(contiguous(both.slice(3, half_, half_)));
    return (*last_)(ops::concat({contiguous(both.slice(3, 0, half_)), seen}, -1));
  }
  size_t bytes() const override { return bytes_of(first_, inner_, last_); }

 private:
  YoloBlockPtr first_, inner_, last_;
  int64_t half_ = 0;
};

// --- Enlargement ---

class Doubled : public YoloBlock {
 public:
  Doubled(const YoloModule& module, int64_t in) {
    const std::string scale = module.text("scale_factor").value_or(""), mode = module.text("mode").value_or("");
    if ((scale != "2" && scale != "2,2") || mode != "nearest") module.refuse("does not repeat each pixel twice");
    width = in;
    up = 2;
    widest = 5 * in;
  }
  Tensor operator()(const Tensor& x) const override { return ops::upsample_nearest2x(x); }
  size_t bytes() const override { return 0; }
};

class Enlarged : public YoloBlock {
 public:
  Enlarged(const YoloModule& module, int64_t in) {
    if (square(module, "kernel_size") != 2 || square(module, "stride") != 2 || square(module, "padding") != 0 ||
        module.integer("groups", 1) != 1)
      module.refuse("has windows that overlap");
    made_ = dpt::Enlargement(module.weights(), in, 2);
    width = in;
    up = 2;
    widest = in + 3 * 4 * in;
  }
  Tensor operator()(const Tensor& x) const override { return made_(x); }
  size_t bytes() const override { return made_.bytes(); }

 private:
  dpt::Enlargement made_;
};

// Proto: the maps that masks are sums of.
class MaskMaps : public YoloBlock {
 public:
  MaskMaps(const YoloModule& module, int64_t in)
      : first_(same_size(module["cv1"], in)),
        enlarged_(make_yolo_block(module["upsample"], first_->width)),
        second_(same_size(module["cv2"], enlarged_->width)),
        last_(same_size(module["cv3"], second_->width)) {
    constexpr int64_t kMostTimes = 16;
    if (enlarged_->down != 1) module["upsample"].damaged("makes a map smaller");
    if (enlarged_->up > kMostTimes) module["upsample"].refuse("makes masks far larger than the map");
    width = last_->width;
    up = enlarged_->up;
    widest = std::max({first_->widest, enlarged_->widest, up * up * std::max(second_->widest, last_->widest)});
  }
  Tensor operator()(const Tensor& x) const override { return (*last_)((*second_)((*enlarged_)((*first_)(x)))); }
  size_t bytes() const override { return bytes_of(first_, enlarged_, second_, last_); }

 private:
  YoloBlockPtr first_, enlarged_, second_, last_;
};

template <class Block>
YoloBlockPtr made(const YoloModule& module, int64_t in) {
  return std::make_shared<const Block>(module, in);
}
YoloBlockPtr plain_convolution(const YoloModule& module, int64_t in) {
  return std::make_shared<const Convolution>(module, nullptr, ops::Activation::kNone, in);
}
YoloBlockPtr identity(const YoloModule&, int64_t in) { return std::make_shared<const Identity>(in); }

struct Kind {
  const char* name;
  YoloBlockPtr (*make)(const YoloModule&, int64_t);
};
constexpr Kind kKinds[] = {
    {"Attention", made<SpatialAttention>},
    {"Bottleneck", made<Bottleneck>},
    {"C2PSA", made<HalfAttention>},
    {"C2f", made<Split>},
    {"C3", made<Branches>},
    {"C3k", made<Branches>},
    {"C3k2", made<Split>},
    {"Conv", conv_block},
    {"Conv2d", plain_convolution},
    {"ConvTranspose2d", made<Enlarged>},
    {"DWConv", conv_block},
    {"Identity", identity},
    {"PSABlock", made<AttentionBlock>},
    {"Proto", made<MaskMaps>},
    {"SPPF", made<Pyramid>},
    {"Sequential", made<Sequence>},
    {"Upsample", made<Doubled>},
};

}  // namespace

YoloBlockPtr make_yolo_block(const YoloModule& module, int64_t in) {
  // Blocks call this again for those inside of them, as deep as the file says.
  constexpr int64_t kDeepest = 32;
  const std::string kind = module.kind(), place = module.weights().full("");
  if (kind.empty()) module.damaged("is missing");
  if (std::count(place.begin(), place.end(), '.') > kDeepest) module.damaged("lies too deep in others");
  for (const Kind& one : kKinds) {
    if (kind != one.name) continue;
    YoloBlockPtr out = one.make(module, in);
    if (out->width > kMostChannels) module.damaged("gives more channels than a network has");
    return out;
  }
  module.refuse("is of a kind that Easel does not run");
}

}  // namespace easel::models
