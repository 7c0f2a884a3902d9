#include "models/detect/sam_encoder.h"

#include <algorithm>

#include "base/cancel.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

constexpr int64_t kPatch = 16;

// The rows of a table of places in the opposite order, as weights of a product.
nn::Linear turned_round(const nn::Weights& w, const std::string& name, int64_t rows, int64_t width) {
  expect_shape(w, name, {rows, width});
  const StoredTensor table = w.get(name);
  if (w.probing() || !table.defined()) return {};
  if (w.packer().measures()) return nn::Linear(table, StoredTensor(), DType::kF32, w.packer());
  const Tensor values = table.decoded();
  Tensor out(values.shape());
  for (int64_t i = 0; i < rows; ++i) ops::copy(values.slice(0, rows - 1 - i, 1), out.slice(0, i, 1));
  table.drop_pages();
  return nn::Linear(out, StoredTensor(), DType::kF32, w.packer());
}

// [1,H,W,C] in squares of a side, with zeros behind: [count,side,side,C]; and back.
Tensor in_windows(const Tensor& x, int64_t side) {
  const int64_t h = x.dim(1), w = x.dim(2), c = x.dim(3), rows = (h + side - 1) / side, columns = (w + side - 1) / side;
  Tensor whole = x;
  if (rows * side != h || columns * side != w) {
    whole = Tensor::zeros({1, rows * side, columns * side, c}, DType::kF32, x.device());
    ops::copy(x, whole.slice(1, 0, h).slice(2, 0, w));
  }
  return contiguous(whole.view({rows, side, columns, side, c}).permute({0, 2, 1, 3, 4}))
      .view({rows * columns, side, side, c});
}
Tensor out_of_windows(const Tensor& x, int64_t h, int64_t w) {
  const int64_t side = x.dim(1), c = x.dim(3), rows = (h + side - 1) / side, columns = (w + side - 1) / side;
  const Tensor whole = contiguous(x.view({rows, columns, side, side, c}).permute({0, 2, 1, 3, 4}))
                           .view({1, rows * side, columns * side, c});
  return contiguous(whole.slice(1, 0, h).slice(2, 0, w));
}

}  // namespace

SamLayer::SamLayer(const nn::Weights& w, const SamConfig& config) : heads_(config.heads) {
  const int64_t width = config.width, of_head = width / config.heads;
  before_ = dpt::norm(w["norm1"], width);
  between_ = dpt::norm(w["norm2"], width);
  const nn::Weights a = w["attn"];
  all_ = dpt::linear(a["qkv"], width, 3 * width);
  out_ = dpt::linear(a["proj"], width, width);
  const auto shape = a.shape("rel_pos_h");
  window_ = shape && shape->rank() == 2 ? ((*shape)[0] + 1) / 2 : config.side;
  if (window_ < 1 || window_ > config.side)
    throw Error(Fault::kBadFile, "tensor '" + a.full("rel_pos_h") + "' has shape " + shape->str() + " for a map of " +
                                     std::to_string(config.side) + " cells along a side")
        .in_file(w.file());
  rows_ = turned_round(a, "rel_pos_h", 2 * window_ - 1, of_head);
  columns_ = turned_round(a, "rel_pos_w", 2 * window_ - 1, of_head);
  const auto inner = w["mlp"]["lin1"].shape("weight");
  const int64_t hidden = inner && inner->rank() == 2 ? (*inner)[0] : 4 * width;
  first_ = dpt::linear(w["mlp"]["lin1"], width, hidden);
  second_ = dpt::linear(w["mlp"]["lin2"], hidden, width);
}

Tensor SamLayer::apart(const Tensor& queries, const nn::Linear& places, int dim) const {
  const int64_t n = queries.dim(0), s = queries.dim(1), of_head = queries.dim(4);
  // The table is turned round, so that what place i says of all places of its line lies together, from s - 1 - i on.
  const Tensor all = places(queries.view({n * s * s * heads_, of_head})).view({n, s, s, heads_, 2 * s - 1});
  Tensor out({n, s, s, heads_, s}, DType::kF32, queries.device());
  for (int64_t i = 0; i < s; ++i) ops::copy(all.slice(dim, i, 1).slice(4, s - 1 - i, s), out.slice(dim, i, 1));
  return out;
}

Tensor SamLayer::attention(const Tensor& x) const {
  const int64_t n = x.dim(0), s = x.dim(1), width = x.dim(3), of_head = width / heads_, rows = s * s;
  const Tensor all = all_(x.view({n, rows, width}));
  const Tensor queries = contiguous(all.slice(2, 0, width)).view({n, s, s, heads_, of_head});
  const Tensor by_row = apart(queries, rows_, 1), by_column = apart(queries, columns_, 2);
  Tensor seen({n, rows, width}, DType::kF32, x.device());
  for (int64_t head = 0; head < heads_; ++head) {
    poll_cancelled();
    const auto part = [&](int64_t which) { return all.slice(2, which * width + head * of_head, of_head); };
    const auto of = [&](const Tensor& t) { return contiguous(t.select(3, head)); };
    const Tensor bias = ops::map([](auto a, auto b) { return a + b; }, of(by_row).view({n, rows, s, 1}),
                                 of(by_column).view({n, rows, 1, s}));
    ops::copy(ops::attention(part(0), part(1), part(2), 1, {.bias = bias.view({n, rows, rows})}),
              seen.slice(2, head * of_head, of_head));
  }
  return out_(seen).view(x.shape());
}

Tensor SamLayer::operator()(const Tensor& x) const {
  const int64_t h = x.dim(1), w = x.dim(2);
  const Tensor normed = before_(x);
  const bool whole = window_ == h && window_ == w;
  const Tensor seen = whole ? attention(normed) : out_of_windows(attention(in_windows(normed, window_)), h, w);
  const Tensor sum = ops::add(x, seen);
  return second_(first_(between_(sum), {.activation = ops::Activation::kGelu}), {.residual = sum});
}

size_t SamLayer::bytes() const {
  return all_.bytes() + out_.bytes() + first_.bytes() + second_.bytes() + rows_.bytes() + columns_.bytes();
}

SamEncoder::SamEncoder(const nn::Weights& w, const SamConfig& config, int64_t out)
    : side_(config.side), device_(w.packer().device()), patches_(w["patch_embed"]["proj"], config.width, kPatch) {
  places_ = checked_parameter(w, "pos_embed", {1, config.side, config.side, config.width});
  for (int64_t i = 0; i < config.layers; ++i) layers_.emplace_back(w["blocks"][i], config);
  const nn::Weights neck = w["neck"];
  first_ = dpt::conv(neck["0"], config.width, out, 1, false);
  first_norm_ = dpt::norm(neck["1"], out);
  second_ = dpt::conv(neck["2"], out, out, 3, false);
  second_norm_ = dpt::norm(neck["3"], out);
}

Tensor SamEncoder::operator()(const Tensor& pixels) const {
  Tensor x = ops::add(patches_(pixels, device_).view(places_.shape()), places_);
  for (const SamLayer& layer : layers_) x = layer(x);
  return second_norm_(second_(first_norm_(first_(x))));
}

size_t SamEncoder::bytes() const {
  size_t total = patches_.bytes() + first_.bytes() + second_.bytes() + (places_.defined() ? places_.nbytes() : 0);
  for (const SamLayer& layer : layers_) total += layer.bytes();
  return total;
}

}  // namespace easel::models
