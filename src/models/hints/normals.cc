#include "models/hints/normals.h"

#include <algorithm>
#include <array>

#include "models/hints/dpt.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

using layers::BatchNorm, layers::ChannelConvolution, layers::Convolution, layers::Window;

constexpr int64_t kColours = 3, kOfNormal = 4, kMultiple = 32, kMostBlocks = 64;
constexpr float kEps = 1e-3f;                                    // of the encoder's norms
constexpr float kSlope = 0.01f;                                  // of the decoder's rectifiers
constexpr std::array<int64_t, 7> kStrides{1, 2, 2, 2, 1, 2, 1};  // of the encoder's stages

Tensor silu(const Tensor& x) { return ops::activate(x, ops::Activation::kSilu); }

// A step of 2 over an even side has a pixel less before the first window than behind the last.
Window stepping(int64_t size, int64_t stride) {
  Window out{.size = size, .stride = stride, .bias = false};
  if (stride == 2) {
    out.before = size / 2 - 1;
    out.after = size / 2;
  }
  return out;
}

// Widened but in the first stage, each channel by itself, weighed by means, narrowed.
struct Block {
  Convolution widen, squeeze, spread, narrow;
  ChannelConvolution each;
  bool widens = false, adds = false;

  Block(const nn::Weights& w, int64_t in, int64_t stride) : widens(w.has("conv_pwl.weight")) {
    const Window point{.size = 1, .bias = false};
    int64_t hidden = in;
    if (widens) {
      hidden = layers::outputs_of(w["conv_pw"], 4);
      widen = Convolution(w["conv_pw"], in, hidden, point, BatchNorm(w["bn1"], hidden, kEps));
    }
    const int64_t size = shape_of_rank(w["conv_dw"], "weight", 4)[2];
    if (size != 3 && size != 5)
      throw Error(Fault::kBadFile, "tensor '" + w.full("conv_dw.weight") + "' has windows of " + std::to_string(size))
          .in_file(w.file());
    each = ChannelConvolution(w["conv_dw"], hidden, stepping(size, stride),
                              BatchNorm(w[widens ? "bn2" : "bn1"], hidden, kEps));
    const int64_t few = layers::outputs_of(w["se"]["conv_reduce"], 4);
    squeeze = Convolution(w["se"]["conv_reduce"], hidden, few, {.size = 1});
    spread = Convolution(w["se"]["conv_expand"], few, hidden, {.size = 1});
    const nn::Weights last = w[widens ? "conv_pwl" : "conv_pw"];
    const int64_t out = layers::outputs_of(last, 4);
    narrow = Convolution(last, hidden, out, point, BatchNorm(w[widens ? "bn3" : "bn2"], out, kEps));
    adds = stride == 1 && in == out;
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = silu(each(widens ? silu(widen(x)) : x));
    const Tensor mean = ops::reduce(y, ops::Reduction::kMean, 1, 2);
    const Tensor weight = layers::sigmoid(spread(silu(squeeze(mean))));
    return narrow(ops::mul(y, weight), {.residual = adds ? x : Tensor()});
  }
  size_t bytes() const { return widen.bytes() + squeeze.bytes() + spread.bytes() + narrow.bytes() + each.bytes(); }
};

// A map enlarged to the size of a finer one, and joined with it.
struct Join {
  Convolution first, second;

  Join() = default;
  Join(const nn::Weights& w, int64_t coarse, int64_t fine) {
    const nn::Weights net = w["_net"];
    const int64_t out = layers::outputs_of(net[0], 4);
    first = Convolution(net[0], coarse + fine, out, {}, BatchNorm(net[1], out));
    second = Convolution(net[3], out, out, {}, BatchNorm(net[4], out));
  }
  Tensor operator()(const Tensor& x, const Tensor& fine) const {
    const Tensor both = ops::concat({dpt::between_corners(x, fine.dim(1), fine.dim(2)), fine}, -1);
    return layers::leaky(second(layers::leaky(first(both), kSlope)), kSlope);
  }
  size_t bytes() const { return first.bytes() + second.bytes(); }
};

// Four layers that see each pixel by itself.
struct Points {
  std::vector<nn::Linear> layers;

  Points() = default;
  Points(const nn::Weights& w, int64_t in) {
    for (const int64_t i : {0, 2, 4, 6}) {
      const nn::Weights layer = w[i];
      const int64_t out = i == 6 ? kOfNormal : shape_of_rank(layer, "weight", 3)[0];
      expect_shape(layer, "weight", {out, in, 1});
      expect_shape(layer, "bias", {out});
      const StoredTensor weight = layer.get("weight"), bias = layer.get("bias");
      if (w.probing() || !weight.defined() || !bias.defined()) layers.emplace_back();
      else layers.emplace_back(weight.matrix(), bias, DType::kF32, w.packer());
      in = out;
    }
  }
  Tensor operator()(Tensor x) const {
    for (size_t i = 0; i < layers.size(); ++i)
      x = layers[i](x, {.activation = i + 1 < layers.size() ? ops::Activation::kRelu : ops::Activation::kNone});
    return x;
  }
  size_t bytes() const {
    size_t total = 0;
    for (const nn::Linear& l : layers) total += l.bytes();
    return total;
  }
};

// The first three channels to a length of 1, the last one above 0.
Tensor as_normals(const Tensor& x) {
  const Tensor way = contiguous(x.slice(3, 0, 3)), certain = contiguous(x.slice(3, 3, 1));
  const Tensor squares = ops::reduce(ops::mul(way, way), ops::Reduction::kSum, -1, -1);
  return ops::concat({ops::map([](auto v, auto s) { return v / (ops::sqrt(s) + 1e-10f); }, way, squares),
                      ops::map([](auto k) { return ops::select(k > 0.0f, k, ops::exp(k) - 1.0f) + 1.01f; }, certain)},
                     -1);
}

// What training scripts put before the names of the network.
constexpr std::array kWrappers{"", "model.", "module.", "model.module."};
constexpr const char* kKey = "encoder.original_model.conv_stem.weight";

}  // namespace

bool is_normal_network(const StoredTensors& file) {
  return std::any_of(kWrappers.begin(), kWrappers.end(), [&](const char* wrapper) {
    return file.contains(wrapper + std::string(kKey)) &&
           file.contains(wrapper + std::string("decoder.out_conv_res1.6.weight"));
  });
}

std::shared_ptr<const StoredTensors> normal_tensors(const StoredTensors& file) {
  std::string found;
  for (const char* wrapper : kWrappers)
    if (file.contains(wrapper + std::string(kKey))) found = wrapper;
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(found)) out->set(name.substr(found.size()), tensor);
  return out;
}

struct NormalNetwork::Impl {
  explicit Impl(const nn::Weights& w) : device(w.packer().device()) {
    const nn::Weights encoder = w["encoder"]["original_model"], decoder = w["decoder"];
    int64_t width = layers::outputs_of(encoder["conv_stem"], 4);
    stem = Convolution(encoder["conv_stem"], kColours, width, stepping(3, 2), BatchNorm(encoder["bn1"], width, kEps));
    std::array<int64_t, kStrides.size()> widths{};
    for (size_t i = 0; i < stages.size(); ++i) {
      const nn::Weights list = encoder["blocks"][static_cast<int64_t>(i)];
      const int64_t blocks = numbered_children(list);
      if (blocks > kMostBlocks)
        throw Error(Fault::kBadFile, "has " + std::to_string(blocks) + " blocks, more than such a network has")
            .in_file(w.file());
      for (int64_t n = 0; n < blocks; ++n) {
        stages[i].emplace_back(list[n], width, n == 0 ? kStrides[i] : 1);
        width = layers::outputs_of(list[n][list[n].has("conv_pwl.weight") ? "conv_pwl" : "conv_pw"], 4);
      }
      widths[i] = width;
    }
    const int64_t head_width = layers::outputs_of(encoder["conv_head"], 4);
    head = Convolution(encoder["conv_head"], width, head_width, {.size = 1, .bias = false});
    const int64_t coarsest = layers::outputs_of(decoder["conv2"], 4);
    start = Convolution(decoder["conv2"], head_width, coarsest, {.size = 1});
    width = coarsest;
    std::array<int64_t, kLevels> joined{};
    for (size_t i = 0; i < kLevels; ++i) {
      const nn::Weights up = decoder["up" + std::to_string(i + 1)];
      joins[i] = Join(up, width, widths[kSeen[i]]);
      width = joined[i] = layers::outputs_of(up["_net"][0], 4);
    }
    coarse = Convolution(decoder["out_conv_res8"], joined[1], kOfNormal);
    constexpr std::array kNames{"out_conv_res4", "out_conv_res2", "out_conv_res1"};
    for (size_t i = 0; i < kNames.size(); ++i) finer[i] = Points(decoder[kNames[i]], joined[i + 1] + kOfNormal);
    w.require_all();
  }

  static constexpr size_t kLevels = 4;
  static constexpr std::array<size_t, kLevels> kSeen{4, 2, 1, 0};  // stages that the decoder joins, coarse ones first

  Device device;
  Convolution stem, head, start, coarse;
  std::array<std::vector<Block>, kStrides.size()> stages;
  std::array<Join, kLevels> joins;
  std::array<Points, 3> finer;
};

NormalNetwork::NormalNetwork(const nn::Weights& w)
    : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
NormalNetwork::~NormalNetwork() = default;

void NormalNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

Tensor NormalNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  if (pixels.rank() != 4 || pixels.dim(0) != 1 || pixels.dim(3) != kColours || pixels.dim(1) % kMultiple != 0 ||
      pixels.dim(2) % kMultiple != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of normals");
  Tensor x = silu(m.stem(pixels.to(m.device)));
  std::array<Tensor, kStrides.size()> seen;
  for (size_t i = 0; i < seen.size(); ++i) {
    for (const Block& block : m.stages[i]) x = block(x);
    seen[i] = x;
  }
  x = m.start(m.head(x));
  std::array<Tensor, Impl::kLevels> joined;
  for (size_t i = 0; i < joined.size(); ++i) x = joined[i] = m.joins[i](x, seen[Impl::kSeen[i]]);
  Tensor normals = as_normals(m.coarse(joined[1]));
  for (size_t i = 0; i < m.finer.size(); ++i) {
    const Tensor& map = joined[i + 1];
    const Tensor both = ops::concat({map, normals}, -1);
    normals = as_normals(m.finer[i](dpt::between_corners(both, 2 * both.dim(1), 2 * both.dim(2))));
  }
  return normals.to(kHost);
}

size_t NormalNetwork::memory_estimate(int64_t height, int64_t width) const {
  // The last level's map and what sees each of its pixels, at the picture's own size.
  const int64_t last = impl_->joins[Impl::kLevels - 1].second.out_channels();
  constexpr int64_t kMaps = 4;
  return static_cast<size_t>(height * width * (last + kOfNormal) * kMaps) * sizeof(float);
}

size_t NormalNetwork::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.stem.bytes() + m.head.bytes() + m.start.bytes() + m.coarse.bytes();
  for (const auto& stage : m.stages)
    for (const Block& b : stage) total += b.bytes();
  for (const Join& j : m.joins) total += j.bytes();
  for (const Points& p : m.finer) total += p.bytes();
  return total;
}

NormalHandle load_normal_network(memory::Residency& residency, const StoredTensors& file,
                                 const std::string& file_name) {
  if (!is_normal_network(file))
    throw Error(Fault::kUnsupported, "this is no network of normals (BAE)")
        .in_file(file_name)
        .fix("Put the published scannet.pt there (lllyasviel/Annotators)");
  return load_file_network<NormalNetwork>(residency, normal_tensors(file), file_name, "normals", "BAE");
}

image::BytePicture normals_of(memory::Residency& residency, const NormalHandle& handle,
                              const image::BytePicture& picture) {
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(picture.height, picture.width), "BAE at work");
  // Means and deviations of ImageNet's colours.
  const Tensor mean = Tensor::of({1, 1, 1, 3}, {0.485f, 0.456f, 0.406f}),
               deviation = Tensor::of({1, 1, 1, 3}, {0.229f, 0.224f, 0.225f});
  const Tensor pixels =
      ops::map([](auto v, auto m, auto d) { return (v - m) / d; }, image::picture_of({picture}), mean, deviation);
  const Tensor normals = contiguous(model->forward(pixels).slice(3, 0, 3));
  return image::byte_picture(ops::map([](auto n) { return ops::clamp((n + 1.0f) * 0.5f, 0.0f, 1.0f); }, normals), 0);
}

}  // namespace easel::models
