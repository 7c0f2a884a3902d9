// LaMa: residual blocks at an eighth of the size, in which three quarters of the channels are also convolved in the
// spectrum of the whole map (Chi et al. 2020, "Fast Fourier Convolution").

#include "models/fill/fourier.h"
#include "models/fill/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"

namespace easel::models::fill {
namespace {

using layers::BatchNorm, layers::Border, layers::Convolution, layers::relu, layers::TurnedConvolution, layers::Window;

constexpr int64_t kSide = 256, kColours = 3, kOuter = 7, kHalvings = 3, kMostBlocks = 64;

Window mirrored(int64_t size, int64_t stride = 1) {
  return {.size = size, .stride = stride, .border = Border::kMirrored, .bias = false};
}

// The norm's scale alone, for sums of convolutions whose other part has its shift.
BatchNorm scale_of(const BatchNorm& norm) {
  BatchNorm out = norm;
  if (norm.shift.defined()) out.shift = Tensor::zeros(norm.shift.shape());
  return out;
}

// Channels convolved in place, and those convolved in the spectrum.
struct Both {
  Tensor local, global;
};

// What spectra go through, in both directions at once.
struct Spectral {
  Convolution in, spectrum, out;

  Spectral() = default;
  Spectral(const nn::Weights& w, int64_t channels, const BatchNorm& norm) {
    const int64_t half = layers::outputs_of(w["conv1"][0], 4);
    const Window point{.size = 1, .bias = false};
    in = Convolution(w["conv1"][0], channels, half, point, BatchNorm(w["conv1"][1], half));
    spectrum = Convolution(w["fu"]["conv_layer"], 2 * half, 2 * half, point, BatchNorm(w["fu"]["bn"], 2 * half));
    out = Convolution(w["conv2"], half, channels, point, scale_of(norm));
  }
  // Rectified, with `residual` added before that.
  Tensor operator()(const Tensor& x, const FourierTransform& fourier, const Tensor& others) const {
    const Tensor map = relu(in(x));
    const Tensor whole = fourier.backward(relu(spectrum(fourier.forward(map))));
    return relu(out(ops::add(map, whole), {.residual = others}));
  }
  size_t bytes() const { return in.bytes() + spectrum.bytes() + out.bytes(); }
};

// Both kinds of channels from both.
struct Exchange {
  Convolution local_local, local_global, global_local;
  Spectral global_global;

  Exchange(const nn::Weights& w, int64_t local, int64_t global) {
    const nn::Weights f = w["ffc"];
    const BatchNorm norm_local(w["bn_l"], local), norm_global(w["bn_g"], global);
    local_local = Convolution(f["convl2l"], local, local, mirrored(3), norm_local);
    global_local = Convolution(f["convg2l"], global, local, mirrored(3), scale_of(norm_local));
    local_global = Convolution(f["convl2g"], local, global, mirrored(3), norm_global);
    global_global = Spectral(f["convg2g"], global, norm_global);
  }
  Both operator()(const Both& x, const FourierTransform& fourier) const {
    const Tensor local = relu(local_local(x.local, {.residual = global_local(x.global)}));
    return {local, global_global(x.global, fourier, local_global(x.local))};
  }
  size_t bytes() const {
    return local_local.bytes() + local_global.bytes() + global_local.bytes() + global_global.bytes();
  }
};

class Lama : public HoleFiller::Part {
 public:
  explicit Lama(const nn::Weights& tree) : device_(tree.packer().device()) {
    const nn::Weights w = tree["model"];
    int64_t at = 1, width = layers::outputs_of(w[at]["ffc"]["convl2l"], 4);
    first_width_ = width;
    first_ = with_norm(w[at], kColours + 1, width, mirrored(kOuter));
    for (int64_t i = 0; i + 1 < kHalvings; ++i) {
      const int64_t out = layers::outputs_of(w[++at]["ffc"]["convl2l"], 4);
      halved_.push_back(with_norm(w[at], width, out, mirrored(3, 2)));
      width = out;
    }
    const nn::Weights last = w[++at];
    const int64_t local = layers::outputs_of(last["ffc"]["convl2l"], 4),
                  global = layers::outputs_of(last["ffc"]["convl2g"], 4);
    to_local_ = Convolution(last["ffc"]["convl2l"], width, local, mirrored(3, 2), BatchNorm(last["bn_l"], local));
    to_global_ = Convolution(last["ffc"]["convl2g"], width, global, mirrored(3, 2), BatchNorm(last["bn_g"], global));
    while (w[++at].has("conv1.ffc.convl2l.weight")) {
      if (static_cast<int64_t>(blocks_.size()) >= 2 * kMostBlocks)
        throw Error(Fault::kBadFile, "has more blocks than LaMa has").in_file(w.file());
      for (const char* part : {"conv1", "conv2"}) blocks_.emplace_back(w[at][part], local, global);
    }
    ++at;  // where both kinds of channels are joined
    width = local + global;
    for (int64_t i = 0; i < kHalvings; ++i) {
      const int64_t out = shape_of_rank(w[at], "weight", 4)[1];
      doubled_.emplace_back(w[at], width, out, 3, 1, true, BatchNorm(w[at + 1], out));
      width = out;
      at += 3;
    }
    last_ = Convolution(w[at + 1], width, kColours, {.size = kOuter, .border = Border::kMirrored});
    tree.require_all();
  }

  FillerKind kind() const override { return FillerKind::kLama; }
  int64_t side() const override { return kSide; }
  Tensor forward(const Tensor& picture, const Tensor& mask, uint64_t /*seed*/) const override {
    const Tensor hidden = ops::map([](auto p, auto m) { return p * (1.0f - m); }, picture, mask);
    Tensor x = relu(first_(ops::concat({hidden, mask}, -1).to(device_)));
    for (const Convolution& half : halved_) x = relu(half(x));
    Both both{relu(to_local_(x)), relu(to_global_(x))};
    const FourierTransform fourier(both.local.dim(1), both.local.dim(2), device_);
    for (size_t i = 0; i + 1 < blocks_.size(); i += 2) {
      const Both y = blocks_[i + 1](blocks_[i](both, fourier), fourier);
      both = {ops::add(both.local, y.local), ops::add(both.global, y.global)};
    }
    x = ops::concat({both.local, both.global}, -1);
    for (const TurnedConvolution& twice : doubled_) x = relu(twice(x));
    return layers::sigmoid(last_(x));
  }
  size_t memory_estimate() const override {
    constexpr int64_t kMaps = 6;
    return static_cast<size_t>(kSide * kSide * first_width_ * kMaps) * sizeof(float);
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + to_local_.bytes() + to_global_.bytes() + last_.bytes();
    for (const Convolution& c : halved_) total += c.bytes();
    for (const Exchange& e : blocks_) total += e.bytes();
    for (const TurnedConvolution& t : doubled_) total += t.bytes();
    return total;
  }

 private:
  static Convolution with_norm(const nn::Weights& w, int64_t in, int64_t out, const Window& window) {
    return Convolution(w["ffc"]["convl2l"], in, out, window, BatchNorm(w["bn_l"], out));
  }

  Device device_;
  int64_t first_width_ = 0;
  Convolution first_, to_local_, to_global_, last_;
  std::vector<Convolution> halved_;
  std::vector<Exchange> blocks_;
  std::vector<TurnedConvolution> doubled_;
};

}  // namespace

PartPtr lama(const nn::Weights& w) { return std::make_unique<const Lama>(w); }

}  // namespace easel::models::fill
