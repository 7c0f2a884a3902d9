#include "models/hints/chain.h"

#include <algorithm>

#include "ops/arithmetic/formula.h"

namespace easel::models {

Chain::Chain(const nn::Weights& w, const std::vector<std::string>& names, int64_t in, int64_t out) : widest_(in) {
  for (const std::string& name : names) {
    const nn::Weights layer = w[name];
    const auto shape = layer.shape("weight");
    const bool last = &name == &names.back();
    if (!shape) {
      layer.get("weight");
      w.require_all();  // names it; what the layers after it should be cannot be said
    }
    const Shape& s = *shape;
    constexpr int64_t kLargestWindow = 7;
    const bool fits = s.rank() == 4 && s.numel() > 0 && s[1] == in && s[2] == s[3] && s[2] % 2 == 1 &&
                      s[2] <= kLargestWindow && (!last || out == 0 || s[0] == out);
    const auto bias = layer.shape("bias");
    if (!fits || (bias && !(*bias == Shape{s[0]})))
      throw Error(Fault::kBadFile, "tensor '" + layer.full("weight") + "' has shape " + s.str() +
                                       ", expected a window over " + std::to_string(in) + " channels" +
                                       (last && out > 0 ? " to " + std::to_string(out) : ""))
          .in_file(w.file());
    in = s[0];
    widest_ = std::max(widest_, in);
    layer.get("bias");
    convs_.emplace_back(layer, ops::ConvShape{.pad = s[2] / 2}, DType::kF32);
  }
  width_ = in;
}

Tensor Chain::operator()(Tensor x, bool rectified) const {
  for (size_t i = 0; i < convs_.size(); ++i)
    x = convs_[i](x,
                  {.activation = rectified || i + 1 < convs_.size() ? ops::Activation::kRelu : ops::Activation::kNone});
  return x;
}

size_t Chain::bytes() const {
  size_t total = 0;
  for (const nn::Conv2d& c : convs_) total += c.bytes();
  return total;
}

Tensor max_pooled(const Tensor& x) {
  const int64_t n = x.dim(0), h = x.dim(1) / 2, w = x.dim(2) / 2, c = x.dim(3);
  const Tensor cells = x.view({n, h, 2, w, 2, c});
  const auto part = [&](int64_t row, int64_t column) { return cells.slice(2, row, 1).slice(4, column, 1); };
  return ops::map([](auto a, auto b, auto d, auto e) { return ops::max(ops::max(a, b), ops::max(d, e)); }, part(0, 0),
                  part(0, 1), part(1, 0), part(1, 1))
      .view({n, h, w, c});
}

}  // namespace easel::models
