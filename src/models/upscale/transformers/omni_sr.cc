// OmniSR: attention between pixels and between channels by turns, within windows and over grids of pixels far apart.
#include <algorithm>

#include "base/round.h"
#include "models/hints/dpt.h"
#include "models/text/clip_encoder.h"
#include "models/upscale/transformers/parts.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::transformers {
namespace {

constexpr int64_t kColours = 3, kHeads = 4, kSmallest = 16;
constexpr float kMapEps = 1e-6f;  // of norms over the channels of maps

layers::Window point(bool bias) { return {.size = 1, .bias = bias}; }

// A map [1,H,W,C] as sets of n x n pixels [sets,n n,C], that are neighbours, or that are as far apart as n of them fill
// the map; and back.
Tensor in_sets(const Tensor& map, int64_t n, bool far) {
  if (!far) return layers::cut_into_windows(map, n, n);
  const int64_t rows = map.dim(1) / n, columns = map.dim(2) / n, c = map.dim(3);
  return contiguous(contiguous(map).view({n, rows, n, columns, c}).permute({1, 3, 0, 2, 4}))
      .view({rows * columns, n * n, c});
}
Tensor out_of_sets(const Tensor& sets, int64_t n, bool far, int64_t height, int64_t width) {
  if (!far) return layers::joined_windows(sets, n, n, height, width);
  const int64_t rows = height / n, columns = width / n, c = sets.dim(2);
  return contiguous(contiguous(sets).view({rows, columns, n, n, c}).permute({2, 0, 3, 1, 4}))
      .view({1, height, width, c});
}

// Convolutions of points and of each channel, and a weight for each channel.
struct Mixer {
  layers::Convolution first, last;
  layers::ChannelConvolution each;
  nn::Linear squeeze, spread;

  Mixer(const nn::Weights& w, int64_t width) {
    const int64_t hidden = outputs_of(w[0], 4), few = outputs_of(w[4]["gate"][1], 2);
    first = layers::Convolution(w[0], width, hidden, point(true));
    each = layers::ChannelConvolution(w[2], hidden);
    squeeze = linear(w[4]["gate"][1], hidden, few);
    spread = linear(w[4]["gate"][3], few, hidden);
    last = layers::Convolution(w[5], hidden, width, point(true));
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = ops::activate(each(first(x, {.activation = ops::Activation::kGelu})), ops::Activation::kGelu);
    const Tensor mean = ops::reduce(y, ops::Reduction::kMean, 1, 2);
    const Tensor weight = layers::sigmoid(spread(squeeze(mean, {.activation = ops::Activation::kSilu})));
    return last(ops::mul(y, weight), {.residual = x});
  }
  size_t bytes() const { return first.bytes() + last.bytes() + each.bytes() + squeeze.bytes() + spread.bytes(); }
};

// Attention between the pixels of a set.
struct Pixels {
  nn::LayerNorm before;
  nn::Linear qkv, out;
  Tensor relative;
  size_t relative_bytes;
  int64_t side;
  bool far;

  Pixels(const nn::Weights& w, int64_t width, int64_t window, bool is_far) : side(window), far(is_far) {
    before = norm(w["norm"], width);
    qkv = linear(w["fn"]["to_qkv"], width, 3 * width);
    out = linear(w["fn"]["to_out"][0], width, width);
    const int64_t along = 2 * window - 1;
    const Tensor table = checked_parameter(w["fn"]["rel_pos_bias"], "weight", {along * along, kHeads});
    relative_bytes = static_cast<size_t>(kHeads * window * window * window * window) * sizeof(float);
    if (table.defined() && !w.packer().measures())
      relative = layers::relative_scores(table.to(kHost), window, window).to(w.packer().device());
  }
  Tensor operator()(const Tensor& x) const {
    const int64_t c = x.dim(3);
    const Tensor all = qkv(in_sets(before(x), side, far));
    const Tensor mixed =
        layers::attention_in_windows(all.slice(2, 0, c), all.slice(2, c, c), all.slice(2, 2 * c, c), kHeads, relative);
    return ops::add(x, out_of_sets(out(mixed), side, far, x.dim(1), x.dim(2)));
  }
  size_t bytes() const { return qkv.bytes() + out.bytes() + relative_bytes; }
};

// Attention between channels, by what they are at the pixels of a window, or at one place of all windows.
struct Channels {
  nn::LayerNorm before;
  layers::Convolution qkv, out;
  layers::ChannelConvolution each;
  Tensor warmth;  // [1,heads,1,1]: what the scores are multiplied by
  int64_t side;
  bool far;

  Channels(const nn::Weights& w, int64_t width, int64_t window, bool is_far) : side(window), far(is_far) {
    const nn::Weights f = w["fn"];
    before = norm(w["norm"], width, kMapEps);
    qkv = layers::Convolution(f["qkv"], width, 3 * width, point(false));
    each = layers::ChannelConvolution(f["qkv_dwconv"], 3 * width, {.bias = false});
    out = layers::Convolution(f["project_out"], width, width, point(false));
    warmth = checked_parameter(f, "temperature", {kHeads, 1, 1});
    if (warmth.defined()) warmth = warmth.view({1, kHeads, 1, 1});
  }

  // Channels as rows: [sets heads,channels of a head,pixels].
  Tensor rows(const Tensor& part) const {
    const Tensor windows = layers::cut_into_windows(contiguous(part), side, side);
    const Tensor sets = contiguous(far ? windows.permute({1, 2, 0}) : windows.permute({0, 2, 1}));
    return sets.view({sets.dim(0) * kHeads, sets.dim(1) / kHeads, sets.dim(2)});
  }
  Tensor operator()(const Tensor& x) const {
    const int64_t c = x.dim(3), h = x.dim(1), w = x.dim(2), windows = h / side * (w / side);
    const Tensor all = each(qkv(before(x)));
    const Tensor unit = layers::of_length_one(rows(all.slice(3, 0, c)), -1, -1);
    const int64_t sets = unit.dim(0) / kHeads;
    const Tensor q = ops::mul(unit.view({sets, kHeads, unit.dim(1), unit.dim(2)}), warmth).view(unit.shape());
    const Tensor mixed = ops::attention(q, layers::of_length_one(rows(all.slice(3, c, c)), -1, -1),
                                        rows(all.slice(3, 2 * c, c)), 1, {.scale = 1.0f});
    const Tensor whole = mixed.view({sets, c, mixed.dim(2)});
    const Tensor back = contiguous(far ? whole.permute({2, 0, 1}) : whole.permute({0, 2, 1}));
    return out(layers::joined_windows(back.view({windows, side * side, c}), side, side, h, w), {.residual = x});
  }
  size_t bytes() const { return qkv.bytes() + each.bytes() + out.bytes(); }
};

// Half of the channels decides about the other half.
struct Gated {
  nn::LayerNorm before;
  layers::Convolution in, out;
  layers::ChannelConvolution each;

  Gated(const nn::Weights& w, int64_t width) {
    const nn::Weights f = w["fn"];
    before = norm(w["norm"], width, kMapEps);
    const int64_t both = outputs_of(f["project_in"], 4);
    if (both % 2 != 0)
      throw Error(Fault::kBadFile, "tensor '" + f.full("project_in.weight") + "' has no halves").in_file(w.file());
    in = layers::Convolution(f["project_in"], width, both, point(false));
    each = layers::ChannelConvolution(f["dwconv"], both, {.bias = false});
    out = layers::Convolution(f["project_out"], both / 2, width, point(false));
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = each(in(before(x)));
    const int64_t half = y.dim(3) / 2;
    const Tensor gate = ops::activate(contiguous(y.slice(3, 0, half)), ops::Activation::kGelu);
    return out(ops::mul(gate, contiguous(y.slice(3, half, half))), {.residual = x});
  }
  size_t bytes() const { return in.bytes() + each.bytes() + out.bytes(); }
};

struct Block {
  Mixer mixer;
  Pixels near_pixels, far_pixels;
  Channels near_channels, far_channels;
  Gated gate1, gate2, gate3, gate4;

  Block(const nn::Weights& w, int64_t width, int64_t window)
      : mixer(w[0]["fn"], width),
        near_pixels(w[2], width, window, false),
        far_pixels(w[8], width, window, true),
        near_channels(w[5], width, window, false),
        far_channels(w[11], width, window, true),
        gate1(w[4], width),
        gate2(w[6], width),
        gate3(w[10], width),
        gate4(w[12], width) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor y = gate2(near_channels(gate1(near_pixels(mixer(x)))));
    return gate4(far_channels(gate3(far_pixels(y))));
  }
  size_t bytes() const {
    return mixer.bytes() + near_pixels.bytes() + far_pixels.bytes() + near_channels.bytes() + far_channels.bytes() +
           gate1.bytes() + gate2.bytes() + gate3.bytes() + gate4.bytes();
  }
};

// How much each pixel counts, by what is seen from afar.
struct Spotlight {
  layers::Convolution narrow, beside, half, coarse, spread;

  Spotlight() = default;
  Spotlight(const nn::Weights& w, int64_t width) {
    const int64_t few = outputs_of(w["conv1"], 4);
    narrow = layers::Convolution(w["conv1"], width, few, point(true));
    beside = layers::Convolution(w["conv_f"], few, few, point(true));
    half = layers::Convolution(w["conv2"], few, few, {.stride = 2, .before = 0, .after = 0});
    coarse = layers::Convolution(w["conv3"], few, few);
    spread = layers::Convolution(w["conv4"], few, width, point(true));
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor few = narrow(x);
    const Tensor seen = coarse(layers::max_of_windows(half(few), 7, 3, 0));
    const auto taps = [](int64_t from, int64_t to) {
      const float step = static_cast<float>(from) / static_cast<float>(to);
      std::vector<float> places;
      for (int64_t i = 0; i < to; ++i) places.push_back(std::max(0.0f, (static_cast<float>(i) + 0.5f) * step - 0.5f));
      return dpt::linear_taps(from, places);
    };
    const Tensor large = ops::resample(seen, taps(seen.dim(1), x.dim(1)), taps(seen.dim(2), x.dim(2)));
    return ops::mul(x, layers::sigmoid(spread(ops::add(large, beside(few)))));
  }
  size_t bytes() const { return narrow.bytes() + beside.bytes() + half.bytes() + coarse.bytes() + spread.bytes(); }
};

struct Group {
  std::vector<Block> blocks;
  layers::Convolution last;
  Spotlight spotlight;
};

class OmniSr : public TransformerUpscaler {
 public:
  explicit OmniSr(const nn::Weights& w) : device_(w.packer().device()) {
    const TransformerConfig c = read_config(TransformerKind::kOmniSr, w);
    width_ = c.width;
    window_ = c.window;
    scale_ = c.scale;
    if (width_ % kHeads != 0)
      throw Error(Fault::kBadFile, "four heads do not divide a width of " + std::to_string(width_)).in_file(w.file());
    first_ = layers::Convolution(w["input"], kColours, width_);
    for (int64_t i = 0; i < entries(w["residual_layer"]); ++i) {
      const nn::Weights group = w["residual_layer"][i], list = group["residual_layer"];
      Group made;
      const int64_t blocks = entries(list) - 1;
      for (int64_t n = 0; n < blocks; ++n) made.blocks.emplace_back(list[n]["layer"], width_, window_);
      made.last = layers::Convolution(list[blocks], width_, width_, point(true));
      made.spotlight = Spotlight(group["esa"], width_);
      groups_.push_back(std::move(made));
    }
    body_ = layers::Convolution(w["output"], width_, width_);
    up_ = layers::Convolution(w["up"][0], width_, kColours * scale_ * scale_);
    w.require_all();
  }

  Tensor forward(const Tensor& pictures) const override {
    const int64_t h = pictures.dim(1), w = pictures.dim(2);
    const int64_t tall = round_up(std::max(h, kSmallest), window_), wide = round_up(std::max(w, kSmallest), window_);
    const Tensor start = first_(onnx::framed(pictures.to(device_), {0, 0}, {tall - h, wide - w}, 0.0f));
    Tensor x = start;
    for (const Group& group : groups_) {
      Tensor y = x;
      for (const Block& block : group.blocks) y = block(y);
      x = group.spotlight(group.last(y, {.residual = x}));
    }
    const Tensor out = ops::pixel_shuffle(up_(body_(x, {.residual = start})), scale_);
    return contiguous(out.slice(1, 0, h * scale_).slice(2, 0, w * scale_));
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kMaps = 16;
    return static_cast<size_t>(width_ * kMaps + 2 * kColours * scale_ * scale_) * sizeof(float);
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + body_.bytes() + up_.bytes();
    for (const Group& g : groups_) {
      total += g.last.bytes() + g.spotlight.bytes();
      for (const Block& b : g.blocks) total += b.bytes();
    }
    return total;
  }

 private:
  Device device_;
  int64_t width_ = 0, window_ = 0, scale_ = 1;
  layers::Convolution first_, body_, up_;
  std::vector<Group> groups_;
};

}  // namespace

UpscalerPtr omni_sr(const nn::Weights& w) { return std::make_unique<const OmniSr>(w); }

}  // namespace easel::models::transformers
