// DAT: attention between pixels, in windows that lie and that stand, and between channels by turns; each beside a
// convolution, and each of the two decides how much of the other counts.
#include <algorithm>
#include <array>

#include "base/round.h"
#include "models/text/clip_encoder.h"
#include "models/upscale/transformers/parts.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models::transformers {
namespace {

using layers::BatchNorm, layers::ChannelConvolution, layers::Convolution;

constexpr int64_t kColours = 3;
constexpr auto kGelu = ops::Activation::kGelu;

// The convolution beside attention, and what each decides about the other.
struct Beside {
  ChannelConvolution each;
  Convolution channels1, channels2, places1, places2;

  Beside(const nn::Weights& w, int64_t width) {
    const auto with_norm = [&](const nn::Weights& list, int64_t first) {
      const int64_t few = outputs_of(list[first], 4);
      return Convolution(list[first], width, few, {.size = 1}, BatchNorm(list[first + 1], few));
    };
    each = ChannelConvolution(w["dwconv"][0], width, {}, BatchNorm(w["dwconv"][1], width));
    const nn::Weights of_channels = w["channel_interaction"], of_places = w["spatial_interaction"];
    channels1 = with_norm(of_channels, 1);
    channels2 = Convolution(of_channels[4], outputs_of(of_channels[1], 4), width, {.size = 1});
    places1 = with_norm(of_places, 0);
    places2 = Convolution(of_places[3], outputs_of(of_places[0], 4), 1, {.size = 1});
  }
  Tensor convolved(const Tensor& v) const { return ops::activate(each(v), kGelu); }
  // A weight for each channel [1,1,1,C], and for each place [1,H,W,1].
  Tensor of_channels(const Tensor& x) const {
    const Tensor mean = ops::reduce(x, ops::Reduction::kMean, 1, 2);
    return layers::sigmoid(channels2(channels1(mean, {.activation = kGelu})));
  }
  Tensor of_places(const Tensor& x) const { return layers::sigmoid(places2(places1(x, {.activation = kGelu}))); }
  size_t bytes() const {
    return each.bytes() + channels1.bytes() + channels2.bytes() + places1.bytes() + places2.bytes();
  }
};

Tensor joined(const Tensor& a, const Tensor& of_a, const Tensor& b, const Tensor& of_b) {
  return ops::map([](auto x, auto wx, auto y, auto wy) { return x * wx + y * wy; }, a, of_a, b, of_b);
}

// Windows of half of the channels, and what their pixels' distances add to the scores, by a small network.
struct Windows {
  int64_t height = 0, width = 0, heads = 0;
  Tensor relative;
  size_t relative_bytes = 0;

  Windows(const nn::Weights& w, int64_t rows, int64_t columns) : height(rows), width(columns) {
    const nn::Weights pos = w["pos"];
    const int64_t inner = outputs_of(pos["pos_proj"], 2);
    heads = outputs_of(pos["pos3"][2], 2);
    const nn::Linear first = linear(pos["pos_proj"], 2, inner);
    std::vector<std::pair<nn::LayerNorm, nn::Linear>> steps;
    for (const auto& [name, out] : {std::pair{"pos1", inner}, std::pair{"pos2", inner}, std::pair{"pos3", heads}})
      steps.emplace_back(norm(pos[name][0], inner), linear(pos[name][2], inner, out));
    const int64_t down = 2 * rows - 1, across = 2 * columns - 1;
    expect_shape(w, "rpe_biases", {down * across, 2});
    relative_bytes = static_cast<size_t>(heads * rows * columns * rows * columns) * sizeof(float);
    if (w.probing() || w.packer().measures() || !first) return;
    std::vector<float> ways;
    for (int64_t y = 1 - rows; y < rows; ++y)
      for (int64_t x = 1 - columns; x < columns; ++x) {
        ways.push_back(static_cast<float>(y));
        ways.push_back(static_cast<float>(x));
      }
    Tensor x = first(Tensor::of({down * across, 2}, ways).to(w.packer().device()));
    for (const auto& [before, layer] : steps) {
      if (!before || !layer) return;
      x = layer(layers::relu(before(x)));
    }
    relative = layers::relative_scores(x.to(kHost), rows, columns).to(w.packer().device());
  }

  // all [1,H,W,3 C] of q, k and v, of which it sees `count` channels from `first` on; sides are multiples of its own.
  Tensor attended(const Tensor& all, int64_t first, int64_t count, int64_t down, int64_t right) const {
    const int64_t h = all.dim(1), w = all.dim(2), c = all.dim(3) / 3;
    const auto windows = [&](int64_t part) {
      const Tensor one = contiguous(all.slice(3, part * c + first, count));
      return layers::cut_into_windows(layers::rolled(one, down, right), height, width);
    };
    const layers::RolledWindows rolled{
        .map_height = h, .map_width = w, .height = height, .width = width, .down = down, .right = right};
    const Tensor mixed = layers::attention_in_windows(windows(0), windows(1), windows(2), heads, relative,
                                                      down > 0 || right > 0 ? &rolled : nullptr);
    return layers::rolled(layers::joined_windows(mixed, height, width, h, w), -down, -right);
  }
};

struct Block {
  nn::LayerNorm norm1, norm2, gate_norm;
  nn::Linear qkv, out, fc1, fc2;
  ChannelConvolution gate;
  std::vector<Beside> beside;    // one
  std::vector<Windows> windows;  // two, or none where channels attend
  Tensor warmth;                 // [heads] on the host
  bool rolls = false;

  Block(const nn::Weights& w, int64_t width, std::array<int64_t, 2> sides, int64_t group, int64_t index) {
    const nn::Weights attention = w["attn"], feed = w["ffn"];
    norm1 = norm(w["norm1"], width);
    qkv = linear(attention["qkv"], width, 3 * width);
    out = linear(attention["proj"], width, width);
    beside.emplace_back(attention, width);
    if (index % 2 == 0) {
      windows.emplace_back(attention["attns"][0], sides[0], sides[1]);
      windows.emplace_back(attention["attns"][1], sides[1], sides[0]);
      constexpr int64_t kEvery = 4;
      rolls = group % 2 == 0 ? index > 0 && (index - 2) % kEvery == 0 : index % kEvery == 0;
      for (const Windows& half : windows)
        if (width % (2 * half.heads) != 0) refuse_heads(w, width, half.heads);
    } else {
      const Shape shape = shape_of_rank(attention, "temperature", 3);
      if (width % shape[0] != 0) refuse_heads(w, width, shape[0]);
      warmth = checked_parameter(attention, "temperature", {shape[0], 1, 1});
      if (warmth.defined()) warmth = warmth.to(kHost);
    }
    norm2 = norm(w["norm2"], width);
    const int64_t hidden = outputs_of(feed["fc1"], 2);
    if (hidden % 2 != 0)
      throw Error(Fault::kBadFile, "tensor '" + feed.full("fc1.weight") + "' has no halves").in_file(w.file());
    fc1 = linear(feed["fc1"], width, hidden);
    gate_norm = norm(feed["sg"]["norm"], hidden / 2);
    gate = ChannelConvolution(feed["sg"]["conv"], hidden / 2);
    fc2 = linear(feed["fc2"], hidden / 2, width);
  }
  [[noreturn]] static void refuse_heads(const nn::Weights& w, int64_t width, int64_t heads) {
    throw Error(Fault::kBadFile, std::to_string(heads) + " heads do not divide a width of " + std::to_string(width))
        .in_file(w.file());
  }

  Tensor pixels(const Tensor& all) const {
    const int64_t h = all.dim(1), w = all.dim(2), c = all.dim(3) / 3, half = c / 2;
    const int64_t largest = std::max(windows[0].height, windows[0].width);
    const Tensor whole = onnx::framed(all, {0, 0}, {round_up(h, largest) - h, round_up(w, largest) - w}, 0.0f);
    std::vector<Tensor> parts;
    for (size_t i = 0; i < 2; ++i) {
      const int64_t down = rolls ? windows[i].height / 2 : 0, right = rolls ? windows[i].width / 2 : 0;
      const Tensor x = windows[i].attended(whole, static_cast<int64_t>(i) * half, half, down, right);
      parts.push_back(x.slice(1, 0, h).slice(2, 0, w));
    }
    const Tensor mixed = ops::concat(parts, -1), conv = beside[0].convolved(contiguous(all.slice(3, 2 * c, c)));
    return joined(mixed, beside[0].of_channels(conv), conv, beside[0].of_places(mixed));
  }

  Tensor channels(const Tensor& all) const {
    const int64_t h = all.dim(1), w = all.dim(2), c = all.dim(3) / 3, heads = warmth.dim(0), d = c / heads;
    const Tensor rows = all.view({h * w, 3 * c});
    const std::vector<float> times = ops::read(warmth);
    const ops::Packer packer = ops::Packer::pack();
    std::vector<Tensor> parts;
    for (int64_t i = 0; i < heads; ++i) {
      const auto part = [&](int64_t which) { return contiguous(rows.slice(1, which * c + i * d, d)); };
      const Tensor q = layers::of_length_one(part(0), 0, 0), k = layers::of_length_one(part(1), 0, 0);
      // The product over all pixels, [d,d], and its softmax.
      const nn::Linear by_k(contiguous(k.permute({1, 0})).to(kHost), StoredTensor(), DType::kF32,
                            packer.on(all.device()));
      const float warm = times[static_cast<size_t>(i)];
      const Tensor scores = ops::affine(by_k(contiguous(q.permute({1, 0}))), warm);
      const Tensor most = ops::reduce(scores, ops::Reduction::kMax, -1, -1);
      const Tensor weights = ops::map([](auto s, auto m) { return ops::exp(s - m); }, scores, most);
      const Tensor sums = ops::reduce(weights, ops::Reduction::kSum, -1, -1);
      const nn::Linear mix(ops::map([](auto e, auto s) { return e / s; }, weights, sums).to(kHost), StoredTensor(),
                           DType::kF32, packer.on(all.device()));
      parts.push_back(mix(part(2)));
    }
    const Tensor mixed = ops::concat(parts, -1).view({1, h, w, c});
    const Tensor conv = beside[0].convolved(contiguous(all.slice(3, 2 * c, c)));
    return joined(mixed, beside[0].of_places(conv), conv, beside[0].of_channels(mixed));
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor all = qkv(norm1(x));
    const Tensor y = out(windows.empty() ? channels(all) : pixels(all), {.residual = x});
    const Tensor hidden = fc1(norm2(y), {.activation = kGelu});
    const int64_t half = hidden.dim(3) / 2;
    const Tensor seen = gate(gate_norm(contiguous(hidden.slice(3, half, half))));
    return fc2(ops::mul(contiguous(hidden.slice(3, 0, half)), seen), {.residual = y});
  }
  size_t bytes() const {
    size_t total = qkv.bytes() + out.bytes() + fc1.bytes() + fc2.bytes() + gate.bytes() + beside[0].bytes();
    for (const Windows& half : windows) total += half.relative_bytes;
    return total;
  }
};

using Group = BlockGroup<Block>;

class Dat : public TransformerUpscaler {
 public:
  explicit Dat(const nn::Weights& w) : device_(w.packer().device()) {
    const TransformerConfig c = read_config(TransformerKind::kDat, w);
    width_ = c.width;
    scale_ = c.scale;
    first_ = Convolution(w["conv_first"], kColours, width_);
    norm_first_ = norm(w["before_RG"][1], width_);
    const std::array<int64_t, 2> sides = window_sides(w);
    for (int64_t i = 0; i < entries(w["layers"]); ++i) {
      const nn::Weights group = w["layers"][i];
      Group made;
      for (int64_t n = 0; n < entries(group["blocks"]); ++n)
        made.blocks.emplace_back(group["blocks"][n], width_, sides, i, n);
      made.last = Closing(group["conv"], width_);
      groups_.push_back(std::move(made));
    }
    norm_last_ = norm(w["norm"], width_);
    body_ = Closing(w["conv_after_body"], width_);
    painter_ = Painter(w, width_);
    w.require_all();
  }

  Tensor forward(const Tensor& pictures) const override {
    const Tensor start = first_(without_mean(pictures.to(device_), 1));
    Tensor x = norm_first_(start);
    for (const Group& group : groups_) x = group(x);
    return with_mean(painter_(ops::add(start, body_(norm_last_(x)))), 1);
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kMaps = 20;
    return static_cast<size_t>(width_ * kMaps) * sizeof(float) + painter_.bytes_of_pixel();
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + body_.bytes() + painter_.bytes();
    for (const Group& group : groups_) total += group.bytes();
    return total;
  }

 private:
  // The ways between the pixels of a window are in the file; the last one is from corner to corner. Their number alone,
  // (2 a - 1)(2 b - 1), leaves open which windows they are of, which does not matter as long as values are not read.
  static std::array<int64_t, 2> window_sides(const nn::Weights& w) {
    const nn::Weights first = w["layers"][0]["blocks"][0]["attn"]["attns"][0];
    const Shape shape = shape_of_rank(first, "rpe_biases", 2);
    constexpr int64_t kMost = 32;
    const StoredTensor stored = first.optional("rpe_biases");
    for (int64_t down = 1; down <= kMost; ++down) {
      const int64_t ways = 2 * down - 1, across = shape[0] % ways == 0 ? (shape[0] / ways + 1) / 2 : 0;
      if (shape[1] != 2 || across < 1 || across > kMost || ways * (2 * across - 1) != shape[0]) continue;
      if (!stored.defined()) return {down, across};
      const std::vector<float> values = ops::read(convert(stored.tensor(), DType::kF32));
      if (values[values.size() - 2] == static_cast<float>(down - 1) && values.back() == static_cast<float>(across - 1))
        return {down, across};
    }
    throw Error(Fault::kBadFile, "tensor '" + first.full("rpe_biases") + "' names no windows").in_file(w.file());
  }

  Device device_;
  int64_t width_ = 0, scale_ = 1;
  Convolution first_;
  nn::LayerNorm norm_first_, norm_last_;
  std::vector<Group> groups_;
  Closing body_;
  Painter painter_;
};

}  // namespace

UpscalerPtr dat(const nn::Weights& w) { return std::make_unique<const Dat>(w); }

}  // namespace easel::models::transformers
