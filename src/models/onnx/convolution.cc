// Convolutions, of all channels, of groups of them, of each by itself, and with gaps between their pixels.
#include <algorithm>

#include "base/error.h"
#include "base/round.h"
#include "models/onnx/windows.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models::onnx {
namespace {

// Each channel by itself: weights [C,1,kh,kw].
Run of_each_channel(Node& node, const StoredTensor& weight, const StoredTensor& offset, const Window& window) {
  const int64_t channels = weight.dim(0), taps = window.size[0] * window.size[1];
  const int64_t numbers = weight.numel() + (offset.defined() ? channels : 0);
  node.holds(static_cast<size_t>(numbers) * sizeof(float));
  if (node.packer().measures()) return {};
  const Device device = node.packer().device();
  const Tensor weights =
      contiguous(weight.decoded().view({channels, taps}).permute({1, 0})).view({taps, 1, 1, channels}).to(device);
  Tensor bias;
  if (offset.defined()) bias = offset.decoded().view({1, 1, 1, channels}).to(device);
  return [=](const Inputs& in) -> Outputs {
    const Tensor map = channels_last(in.floats(0));
    if (map.dim(3) != channels)
      throw Error(Fault::kBadFile, "a map " + in.floats(0).str() + " for " + std::to_string(channels) + " channels");
    return {channels_first(windows_of_each_channel(map, window, weights, bias))};
  };
}

// One convolution of all channels it is given.
class Dense {
 public:
  Dense(Node& node, const StoredTensor& weight, const StoredTensor& bias, const Window& window) : window_(window) {
    ops::ConvShape shape{.stride = window.stride[0]};
    const bool plain = window.dilation == Sides{1, 1} && !window.same_upper && !window.same_lower;
    if (plain && window.before[0] == window.before[1] && window.after[0] == window.after[1]) {
      shape.pad = window.before[0];
      shape.pad_after = window.after[0];
      framed_ = false;
    }
    packed_ = ops::pack_conv2d(weight, bias, shape, DType::kF32, node.packer());
    node.holds(packed_->bytes);
  }

  // [N,H,W,C]
  Tensor operator()(const Tensor& map) const {
    if (map.dim(3) != packed_->in_channels)
      throw Error(Fault::kBadFile, "a map of " + std::to_string(map.dim(3)) + " channels for windows over " +
                                       std::to_string(packed_->in_channels));
    const Sides size{map.dim(1), map.dim(2)};
    const Window window = window_.padded_for(size);
    const Sides places = window.places(size);
    checked_size({map.dim(0), places[0], places[1], packed_->out_channels});
    if (!framed_) return ops::conv2d(contiguous(map), *packed_);
    const Sides& by = window.dilation;
    Sides after = window.after;
    for (size_t d = 0; d < by.size(); ++d) {
      const int64_t whole = size[d] + window.before[d] + after[d];
      after[d] += round_up(whole, by[d]) - whole;
    }
    const Tensor whole = contiguous(framed(map, window.before, after, 0.0f));
    if (by == Sides{1, 1}) return ops::conv2d(whole, *packed_);
    const Tensor out = rejoined(ops::conv2d(apart(whole, by), *packed_), map.dim(0), by);
    return out.slice(1, 0, places[0]).slice(2, 0, places[1]);
  }

 private:
  Window window_;
  ops::PackedConvPtr packed_;
  bool framed_ = true;
};

}  // namespace

Run convolution(Node& node) {
  if (!node.known(1) || (node.has_input(2) && !node.known(2))) node.refuse("its weights are computed");
  const StoredTensor weight = node.weights(1);
  if (weight.rank() != 4) node.refuse("its windows have " + std::to_string(weight.rank() - 2) + " dimensions");
  const Window window = read_window(node, {weight.dim(2), weight.dim(3)});
  if (window.size != Sides{weight.dim(2), weight.dim(3)} || weight.numel() == 0)
    throw Error(Fault::kBadFile, "weights " + weight.str() + " for windows of another size");
  const int64_t groups = node.integer("group", 1), out_channels = weight.dim(0);
  if (groups < 1 || out_channels % groups != 0) throw Error(Fault::kBadFile, std::to_string(groups) + " groups");
  const StoredTensor bias = node.has_input(2) ? node.weights(2) : StoredTensor();
  if (bias.defined() && (bias.rank() != 1 || bias.dim(0) != out_channels))
    throw Error(Fault::kBadFile, "a bias " + bias.str() + " for weights " + weight.str());
  if (groups > 1 && groups == out_channels && weight.dim(1) == 1) return of_each_channel(node, weight, bias, window);
  if (window.size[0] != window.size[1] || window.stride[0] != window.stride[1])
    node.refuse("its windows are not square");
  if (window.dilation != Sides{1, 1} && window.stride != Sides{1, 1})
    node.refuse("its windows have both steps and gaps");
  const int64_t each = out_channels / groups, in_each = weight.dim(1);
  std::vector<Dense> parts;
  for (int64_t g = 0; g < groups; ++g)
    parts.emplace_back(node, groups == 1 ? weight : weight.slice(g * each, each),
                       bias.defined() && groups > 1 ? bias.slice(g * each, each) : bias, window);
  return [parts, in_each](const Inputs& in) -> Outputs {
    if (in.floats(0).rank() != 4) throw Error(Fault::kBadFile, "a convolution of " + in.floats(0).str());
    const Tensor map = channels_last(in.floats(0));
    if (parts.size() == 1) return {channels_first(contiguous(parts[0](map)))};
    std::vector<Tensor> out;
    if (map.dim(3) != in_each * static_cast<int64_t>(parts.size()))
      throw Error(Fault::kBadFile, "a map " + in.floats(0).str() + " in " + std::to_string(parts.size()) + " groups");
    for (size_t g = 0; g < parts.size(); ++g)
      out.push_back(parts[g](map.slice(3, static_cast<int64_t>(g) * in_each, in_each)));
    return {channels_first(ops::concat(out, -1))};
  };
}

}  // namespace easel::models::onnx
