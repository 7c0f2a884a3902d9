// HAT: Swin's blocks with a convolution and attention of channels beside them; behind each group a block whose windows
// see beyond their borders.
#include "base/cancel.h"
#include "models/text/clip_encoder.h"
#include "models/upscale/transformers/parts.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "tensor/claimed_vector.h"

namespace easel::models::transformers {
namespace {

constexpr int64_t kColours = 3;

// Two convolutions, the channels of whose result are weighed by their means.
struct Channels {
  layers::Convolution narrow, wide, squeeze, spread;

  Channels(const nn::Weights& w, int64_t width) {
    const int64_t hidden = outputs_of(w[0], 4), few = outputs_of(w[3]["attention"][1], 4);
    narrow = layers::Convolution(w[0], width, hidden);
    wide = layers::Convolution(w[2], hidden, width);
    squeeze = layers::Convolution(w[3]["attention"][1], width, few, {.size = 1});
    spread = layers::Convolution(w[3]["attention"][3], few, width, {.size = 1});
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = wide(narrow(x, {.activation = ops::Activation::kGelu}));
    const Tensor mean = ops::reduce(y, ops::Reduction::kMean, 1, 2);
    return ops::mul(y, layers::sigmoid(spread(squeeze(mean, {.activation = ops::Activation::kRelu}))));
  }
  size_t bytes() const { return narrow.bytes() + wide.bytes() + squeeze.bytes() + spread.bytes(); }
};

struct HybridBlock {
  SwinBlock swin;
  Channels channels;

  HybridBlock(const nn::Weights& w, int64_t width, int64_t window, bool shifted)
      : swin(w, width, window, shifted), channels(w["conv_block"]["cab"], width) {}
  Tensor operator()(const Tensor& x) const {
    constexpr float kScale = 0.01f;
    const Tensor normed = swin.norm1(x);
    return swin.fed(ops::add(ops::add(x, swin.attended(normed)), channels(normed), kScale));
  }
  size_t bytes() const { return swin.bytes() + channels.bytes(); }
};

// Each window's queries see half as much again on each side.
struct OverlapBlock {
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, fc1, fc2;
  Tensor relative;  // [heads,window^2,seen^2]
  size_t relative_bytes = 0;
  int64_t heads = 0, window = 0, seen = 0;

  OverlapBlock() = default;
  OverlapBlock(const nn::Weights& w, int64_t width, int64_t side) : window(side) {
    const char* const table_name = "relative_position_bias_table";
    const Shape shape = shape_of_rank(w, table_name, 2);
    heads = shape[1];
    const int64_t along = root_of(w, table_name, shape[0]);
    seen = along + 1 - window;
    if (seen < window || seen > 3 * window || (seen - window) % 2 != 0 || width % heads != 0)
      throw Error(Fault::kBadFile, "tensor '" + w.full(table_name) + "' has shape " + shape.str() +
                                       ", which does not fit windows of " + std::to_string(window))
          .in_file(w.file());
    norm1 = norm(w["norm1"], width);
    qkv = linear(w["qkv"], width, 3 * width);
    out = linear(w["proj"], width, width);
    norm2 = norm(w["norm2"], width);
    const int64_t hidden = outputs_of(w["mlp"]["fc1"], 2);
    fc1 = linear(w["mlp"]["fc1"], width, hidden);
    fc2 = linear(w["mlp"]["fc2"], hidden, width);
    const Tensor table = checked_parameter(w, table_name, shape);
    relative_bytes = static_cast<size_t>(heads * window * window * seen * seen) * sizeof(float);
    if (table.defined() && !w.packer().measures()) relative = scores(table.to(kHost)).to(w.packer().device());
  }

  // The rows of the table are counted from a place that is not its first, round its end: so the network was trained.
  Tensor scores(const Tensor& table) const {
    const int64_t along = window + seen - 1, before = window - seen + 1, rows = along * along;
    ClaimedVector<int32_t> ids;
    ids.reserve(static_cast<size_t>(window * window * seen * seen));
    for (int64_t a = 0; a < window * window; ++a) {
      poll_cancelled();
      for (int64_t b = 0; b < seen * seen; ++b) {
        const int64_t dy = b / seen - a / window + before, dx = b % seen - a % window + before;
        ids.push_back(static_cast<int32_t>(((dy * along + dx) % rows + rows) % rows));
      }
    }
    return contiguous(
        ops::embedding(table, ids, DType::kF32).view({window * window, seen * seen, heads}).permute({2, 0, 1}));
  }

  // What each window sees, windows beside windows; black beyond the map.
  Tensor seen_windows(const Tensor& map) const {
    const int64_t around = (seen - window) / 2;
    const Tensor framed = onnx::framed(map, {around, around}, {around, around}, 0.0f);
    const auto taps = [&](int64_t side) {
      ops::Taps all;
      for (int64_t first = 0; first < side; first += window)
        for (int64_t i = 0; i < seen; ++i) all.index.push_back(first + i);
      return all;
    };
    return layers::cut_into_windows(ops::resample(framed, taps(map.dim(1)), taps(map.dim(2))), seen, seen);
  }

  Tensor operator()(const Tensor& x) const {
    const int64_t h = x.dim(1), w = x.dim(2), c = x.dim(3);
    const Tensor all = qkv(norm1(x));
    const Tensor q = layers::cut_into_windows(contiguous(all.slice(3, 0, c)), window, window);
    const Tensor kv = seen_windows(contiguous(all.slice(3, c, 2 * c)));
    const Tensor mixed = layers::attention_in_windows(q, kv.slice(2, 0, c), kv.slice(2, c, c), heads, relative);
    const Tensor y = out(layers::joined_windows(mixed, window, window, h, w), {.residual = x});
    return fc2(fc1(norm2(y), {.activation = ops::Activation::kGelu}), {.residual = y});
  }
  size_t bytes() const { return qkv.bytes() + out.bytes() + fc1.bytes() + fc2.bytes() + relative_bytes; }
};

struct Group : BlockGroup<HybridBlock> {
  OverlapBlock overlap;  // between the blocks and `last`

  Tensor operator()(const Tensor& x) const { return ops::add(x, last(overlap(through(x)))); }
  size_t bytes() const { return BlockGroup::bytes() + overlap.bytes(); }
};

class Hat : public TransformerUpscaler {
 public:
  explicit Hat(const nn::Weights& w) : device_(w.packer().device()) {
    if (w.has("absolute_pos_embed"))
      throw Error(Fault::kUnsupported, "is a HAT of a kind that Easel does not run").in_file(w.file());
    const TransformerConfig c = read_config(TransformerKind::kHat, w);
    width_ = c.width;
    window_ = c.window;
    scale_ = c.scale;
    first_ = layers::Convolution(w["conv_first"], kColours, width_);
    norm_first_ = norm(w["patch_embed"]["norm"], width_);
    for (int64_t i = 0; i < entries(w["layers"]); ++i) {
      const nn::Weights group = w["layers"][i], inside = group["residual_group"], list = inside["blocks"];
      Group made;
      for (int64_t n = 0; n < entries(list); ++n) made.blocks.emplace_back(list[n], width_, window_, n % 2 == 1);
      made.overlap = OverlapBlock(inside["overlap_attn"], width_, window_);
      made.last = Closing(group["conv"], width_);
      groups_.push_back(std::move(made));
    }
    norm_last_ = norm(w["norm"], width_);
    body_ = Closing(w["conv_after_body"], width_);
    painter_ = Painter(w, width_);
    w.require_all();
  }

  Tensor forward(const Tensor& pictures) const override {
    const Tensor start = first_(mirrored_to(without_mean(pictures.to(device_), 1), window_));
    Tensor x = norm_first_(start);
    for (const Group& group : groups_) x = group(x);
    const Tensor out = with_mean(painter_(ops::add(start, body_(norm_last_(x)))), 1);
    return contiguous(out.slice(1, 0, pictures.dim(1) * scale_).slice(2, 0, pictures.dim(2) * scale_));
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kMaps = 18;
    return static_cast<size_t>(width_ * kMaps) * sizeof(float) + painter_.bytes_of_pixel();
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + body_.bytes() + painter_.bytes();
    for (const Group& group : groups_) total += group.bytes();
    return total;
  }

 private:
  Device device_;
  int64_t width_ = 0, window_ = 0, scale_ = 1;
  layers::Convolution first_;
  nn::LayerNorm norm_first_, norm_last_;
  std::vector<Group> groups_;
  Closing body_;
  Painter painter_;
};

}  // namespace

UpscalerPtr hat(const nn::Weights& w) { return std::make_unique<const Hat>(w); }

}  // namespace easel::models::transformers
