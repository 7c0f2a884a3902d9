#include "models/fill/mat_parts.h"

#include "models/layers/map_windows.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models::fill {
namespace {

constexpr int64_t kHeads = 6, kColours = 3, kMiddle = 16, kMostBlocks = 64;
constexpr float kUnknown = -100;
constexpr size_t kStages = 5, kMiddleStage = 2;
constexpr std::array<int64_t, kStages> kWindows{8, 16, 16, 16, 8};
constexpr std::array<Resizing, kStages> kResizings{Resizing::kNone, Resizing::kHalf, Resizing::kHalf, Resizing::kTwice,
                                                   Resizing::kTwice};

}  // namespace

Tensor dotted(const Tensor& x, const Tensor& square, const Tensor& dots) {
  return ops::map([](auto v, auto s, auto d) { return v * d + s * (1.0f - d); }, x, square, dots);
}

RoughFiller::RoughFiller(const nn::Weights& w, int64_t code) {
  width_ = shape_of_rank(w["conv_first"]["conv"], "weight", 4)[0];
  const int64_t d = width_;
  enlargements_ = numbered_children(w["enc_conv"]);
  constexpr int64_t kMostEnlargements = 4;
  if (enlargements_ < 1 || enlargements_ > kMostEnlargements || d % kHeads != 0)
    throw Error(Fault::kBadFile, "has a first stage " + std::to_string(d) + " wide of " +
                                     std::to_string(enlargements_) + " sizes, which MAT has not")
        .in_file(w.file());
  first_ = ScaledConvolution(w["conv_first"]["conv"], kColours + 1, d, 3);
  for (int64_t i = 0; i < enlargements_; ++i) halved_.emplace_back(w["enc_conv"][i]["conv"], d, d, 3, Resizing::kHalf);
  int64_t side = kTransformed;
  for (size_t i = 0; i < kStages; ++i) {
    const nn::Weights stage = w["tran"][static_cast<int64_t>(i)];
    Stage made;
    made.resizing = kResizings[i];
    if (made.resizing == Resizing::kHalf) side /= 2;
    if (made.resizing == Resizing::kTwice) side *= 2;
    if (made.resizing != Resizing::kNone)
      made.resize = ScaledConvolution(stage["downsample"]["conv"]["conv"], d, d, 3, made.resizing);
    made.window = std::min(kWindows[i], side);
    const int64_t blocks = numbered_children(stage["blocks"]);
    if (blocks > kMostBlocks)
      throw Error(Fault::kBadFile, "has " + std::to_string(blocks) + " blocks, more than MAT has").in_file(w.file());
    for (int64_t n = 0; n < blocks; ++n) {
      const nn::Weights block = stage["blocks"][n], attention = block["attn"];
      const auto layer = [&](const char* name) { return scaled_linear(attention[name], d, d, After::kNothing); };
      const int64_t hidden = shape_of_rank(block["mlp"]["fc1"], "weight", 2)[0];
      Block b;
      b.q = layer("q");
      b.k = layer("k");
      b.v = layer("v");
      b.out = layer("proj");
      b.fuse = scaled_linear(block["fuse"], 2 * d, d, After::kLeaky);
      b.fc1 = scaled_linear(block["mlp"]["fc1"], d, hidden, After::kLeaky);
      b.fc2 = scaled_linear(block["mlp"]["fc2"], hidden, d, After::kNothing);
      b.shift = n % 2 == 1 && side > made.window ? made.window / 2 : 0;
      made.blocks.push_back(std::move(b));
    }
    made.last = ScaledConvolution(stage["conv"]["conv"], d, d, 3);
    stages_.push_back(std::move(made));
  }
  for (int64_t i = 0; i < 4; ++i) narrow_.emplace_back(w["down_conv"][i], d, d, 3, Resizing::kHalf);
  to_style_ = scaled_linear(w["to_style"], d, 2 * d, After::kLeaky);
  code_style_ = scaled_linear(w["ws_style"], code, d, After::kLeaky);
  square_ = scaled_linear(w["to_square"], d, kMiddle * kMiddle, After::kLeaky);
  for (int64_t i = 0; i < enlargements_; ++i) {
    const nn::Weights level = w["dec_conv"][i];
    levels_.push_back({StyledConvolution(level["conv0"], d, d, 3 * d, 3, true),
                       StyledConvolution(level["conv1"], d, d, 3 * d, 3, false),
                       StyledConvolution(level["toRGB"], d, kColours, 3 * d, 1, false, true)});
  }
}

Tensor RoughFiller::attended(const Block& block, const Tensor& x, int64_t window, Tensor& known) const {
  const int64_t h = x.dim(1), w = x.dim(2), d = x.dim(3), shift = block.shift;
  const Tensor cells = layers::cut_into_windows(layers::rolled(x, shift, shift), window, window);
  Tensor bias;
  if (shift > 0) {
    const layers::RolledWindows rolled{
        .map_height = h, .map_width = w, .height = window, .width = window, .down = shift, .right = shift};
    bias = layers::scores_between_parts(rolled, 0, rolled.count()).to(x.device());
  }
  if (known.defined()) {
    const Tensor seen = layers::cut_into_windows(layers::rolled(known, shift, shift), window, window);
    const int64_t n = seen.dim(0), pixels = seen.dim(1);
    const Tensor keys =
        ops::map([](auto v) { return ops::select(v == 0.0f, kUnknown, 0.0f); }, seen.view({n, 1, pixels}));
    bias = bias.defined() ? ops::add(bias, keys) : contiguous(keys.expand({n, pixels, pixels}));
    // Whoever shared a window with something known knows of it now.
    const Tensor any = ops::reduce(seen, ops::Reduction::kMax, 1, 1);
    const Tensor spread = contiguous(any.expand({n, pixels, 1}));
    known = layers::rolled(layers::joined_windows(spread, window, window, h, w), -shift, -shift);
  }
  const Tensor unit = layers::of_length_one(cells, -1, -1);
  const Tensor mixed = block.out(ops::attention(block.q(unit), block.k(unit), block.v(cells), kHeads, {.bias = bias}));
  const Tensor back = layers::rolled(layers::joined_windows(mixed, window, window, h, w), -shift, -shift);
  const Tensor rows = ops::concat({x.view({1, h * w, d}), back.view({1, h * w, d})}, -1);
  return block.fc2(leaky(block.fc1, leaky(block.fuse, rows))).view({1, h, w, d});
}

Tensor RoughFiller::staged(const Stage& stage, const Tensor& x, Tensor& known) const {
  Tensor in = x;
  if (stage.resizing == Resizing::kTwice) in = stage.resize(x);
  if (stage.resizing == Resizing::kHalf) std::tie(in, known) = partial(stage.resize, x, known, 2);
  Tensor y = in;
  for (const Block& block : stage.blocks) y = attended(block, y, stage.window, known);
  std::tie(y, known) = partial(stage.last, y, known);
  return ops::add(y, in);
}

Tensor RoughFiller::operator()(const Tensor& picture, const Tensor& known_at_first, const Tensor& code,
                               const Tensor& dots) const {
  Tensor known = known_at_first;
  Tensor x = ops::concat({ops::affine(known, 1.0f, -0.5f), ops::mul(picture, known)}, -1);
  std::tie(x, known) = partial(first_, x, known);
  std::vector<Tensor> whole, transformed;
  for (const ScaledConvolution& half : halved_) {
    whole.push_back(x);
    std::tie(x, known) = partial(half, x, known, 2);
  }
  Tensor style;
  for (size_t i = 0; i < kStages; ++i) {
    if (i >= kMiddleStage) known = Tensor();
    x = staged(stages_[i], x, known);
    if (i < kMiddleStage) transformed.push_back(x);
    if (i > kMiddleStage) x = ops::add(x, transformed[2 * kMiddleStage - i]);
    if (i == kMiddleStage) {
      const Tensor of_code = leaky(code_style_, code);
      x = dotted(x, leaky(square_, of_code).view({1, kMiddle, kMiddle, 1}), dots);
      Tensor small = x;
      for (const ScaledConvolution& half : narrow_) small = half(small);
      const Tensor mean = ops::reduce(small, ops::Reduction::kMean, 1, 2).view({1, width_});
      style = ops::concat({leaky(to_style_, mean), of_code}, -1);
    }
  }
  Tensor out;
  for (size_t i = 0; i < levels_.size(); ++i) {
    const Tensor larger = levels_[i].first(x, style);
    x = levels_[i].second(ops::add(larger, whole[whole.size() - 1 - i]), style);
    const Tensor seen = levels_[i].colours(x, style);
    out = out.defined() ? ops::add(seen, twice_as_large(out)) : seen;
  }
  return ops::map([](auto p, auto o, auto k) { return o * (1.0f - k) + p * k; }, picture, out, known_at_first);
}

size_t RoughFiller::bytes() const {
  size_t total = first_.bytes() + to_style_.bytes() + code_style_.bytes() + square_.bytes();
  for (const auto* list : {&halved_, &narrow_})
    for (const ScaledConvolution& c : *list) total += c.bytes();
  for (const Stage& s : stages_) {
    total += s.resize.bytes() + s.last.bytes();
    for (const Block& b : s.blocks) total += b.bytes();
  }
  for (const Level& l : levels_) total += l.first.bytes() + l.second.bytes() + l.colours.bytes();
  return total;
}

}  // namespace easel::models::fill
