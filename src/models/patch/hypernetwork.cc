#include "models/patch/hypernetwork.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "models/model_patch.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

using Activation = HypernetworkConfig::Activation;

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"linear", Activation::kLinear},   {"relu", Activation::kRelu},         {"leakyrelu", Activation::kLeakyRelu},
    {"elu", Activation::kElu},         {"swish", Activation::kHardSwish},   {"tanh", Activation::kTanh},
    {"sigmoid", Activation::kSigmoid}, {"softsign", Activation::kSoftsign}, {"mish", Activation::kMish}};

[[noreturn]] void bad(const std::string& file, const std::string& what) {
  throw Error(Fault::kBadFile, what).in_file(file);
}

// "768.0." for the keys, "768.1." for the values
std::string scope_of(int64_t width, int part) { return std::to_string(width) + "." + std::to_string(part) + "."; }

// Whether a name is that of a tensor of a network, as "768.0.linear.0.weight" is; its parts if so.
struct Place {
  int64_t width = 0;
  int part = 0;
  std::string rest;
};
std::optional<Place> place_of(const std::string& name) {
  std::string rest, inner;
  const int64_t width = number_after(name, "", rest);
  const int64_t part = number_after(rest, "", inner);
  if (width < 1 || part < 0 || part > 1 || inner.empty()) return std::nullopt;
  return Place{width, static_cast<int>(part), inner};
}

// What stands before ".weight" in a name, or nothing.
std::optional<std::string> layer_name(const std::string& name) {
  constexpr std::string_view kWeight = ".weight";
  if (!name.ends_with(kWeight)) return std::nullopt;
  return name.substr(0, name.size() - kWeight.size());
}

// x / (1 + exp(-x)) is an op, and the exponential functions that formulas lack follow from it.
Tensor silu(const Tensor& x) { return ops::activate(x, ops::Activation::kSilu); }

Tensor sigmoid(const Tensor& x) {
  return ops::map([](auto v, auto s) { return select(v == 0.0f, 0.5f, s / v); }, x, silu(x));
}

// exp(x) for x between -80 and 80.
Tensor exponential(const Tensor& x) {
  return ops::map([](auto above, auto below) { return above / below; }, sigmoid(x), sigmoid(ops::affine(x, -1.0f)));
}

Tensor bounded(const Tensor& x, float low, float high) {
  return ops::map([=](auto v) { return clamp(v, low, high); }, x);
}

Tensor hyperbolic_tangent(const Tensor& x) {
  // Near 0 the difference would lose digits, where the series has them.
  return ops::map(
      [](auto v, auto s) {
        const auto square = v * v;
        const auto series = v * (1.0f - square * (1.0f / 3 - square * (2.0f / 15 - square * (17.0f / 315))));
        return select(abs(v) < 0.2f, series, 2.0f * s - 1.0f);
      },
      x, sigmoid(ops::affine(x, 2.0f)));
}

Tensor elu(const Tensor& x) {
  return ops::map(
      [](auto v, auto e) {
        const auto series = v * (1.0f + v * (0.5f + v * (1.0f / 6 + v * (1.0f / 24 + v * (1.0f / 120)))));
        return select(v > 0.0f, v, select(v > -0.1f, series, e - 1.0f));
      },
      x, exponential(bounded(x, -80.0f, 0.0f)));
}

// v * tanh(ln(1 + exp(v))), which for n = exp(v) * (exp(v) + 2) is v * n / (n + 2).
Tensor mish(const Tensor& x) {
  return ops::map(
      [](auto v, auto e) {
        const auto n = e * (e + 2.0f);
        return select(v > 20.0f, v, v * n / (n + 2.0f));
      },
      x, exponential(bounded(x, -80.0f, 20.0f)));
}

Tensor activated(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kLinear: break;
    case Activation::kRelu: return ops::activate(x, ops::Activation::kRelu);
    case Activation::kLeakyRelu: return ops::map([](auto v) { return select(v > 0.0f, v, 0.01f * v); }, x);
    case Activation::kElu: return elu(x);
    case Activation::kHardSwish: return ops::map([](auto v) { return v * clamp(v + 3.0f, 0.0f, 6.0f) / 6.0f; }, x);
    case Activation::kTanh: return hyperbolic_tangent(x);
    case Activation::kSigmoid: return sigmoid(x);
    case Activation::kSoftsign: return ops::map([](auto v) { return v / (1.0f + abs(v)); }, x);
    case Activation::kMish: return mish(x);
  }
  return x;
}

class HypernetworkHook final : public AttentionHook {
 public:
  HypernetworkHook(HypernetworkHandle net, float strength) : net_(std::move(net)), strength_(strength) {}

  bool change_rows(Tensor& key, Tensor& value) const override {
    if (!net_.config.keys.contains(key.dim(2))) return false;
    const auto model = net_.model->get();
    key = model->changed(Hypernetwork::Part::kKey, key, strength_);
    value = model->changed(Hypernetwork::Part::kValue, value, strength_);
    return true;
  }
  memory::ResidentBase* beside() const override { return net_.model.get(); }
  std::shared_ptr<const void> hold() const override { return net_.model->get(); }

 private:
  HypernetworkHandle net_;
  float strength_;
};

bool says_yes(const formats::ModelFile& file, const char* what) {
  const auto found = file.metadata.find(what);
  return found != file.metadata.end() && found->second != "0" && found->second != "False";
}

// The layers of the network in one scope. After every linear layer the next weight is a norm's if there are norms. The
// activation follows every linear layer but one whose weight is the last of all: with norms none is, and so it is in
// ComfyUI.
std::vector<HypernetworkConfig::Layer> layers_in(const std::vector<std::string>& names, bool norms, bool at_the_end) {
  std::vector<HypernetworkConfig::Layer> out;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool norm = norms && i % 2 == 1;
    out.push_back({names[i], norm, !norm && (i + 1 < names.size() || at_the_end)});
  }
  return out;
}

int64_t rows_of(const nn::Weights& w, int rank) {
  const auto shape = w.shape("weight");
  if (!shape || shape->rank() != rank || shape->numel() == 0)
    bad(w.file(), "tensor '" + w.full("weight") + "' " + (shape ? "has shape " + shape->str() : "is missing"));
  return (*shape)[0];
}

}  // namespace

Hypernetwork::Hypernetwork(const nn::Weights& w, const HypernetworkConfig& config)
    : activation_(config.activation), compute_(w.compute()) {
  const auto read = [&](const auto& described, int part, Networks& to) {
    for (const auto& [width, layers] : described) {
      std::vector<Layer>& own = to[width];
      int64_t in = width;
      for (const HypernetworkConfig::Layer& layer : layers) {
        const nn::Weights scope = w[std::to_string(width)][part][layer.name];
        if (layer.norm) {
          own.push_back({{}, checked_norm(scope, in), false});
          continue;
        }
        const int64_t rows = rows_of(scope, 2);
        own.push_back({checked_linear(scope, in, rows), {}, layer.activated});
        in = rows;
      }
      if (in != width)
        bad(w.file(), "the network '" + scope_of(width, part) + "*' makes rows of " + std::to_string(in) +
                          " numbers of rows of " + std::to_string(width));
    }
  };
  read(config.keys, 0, keys_);
  read(config.values, 1, values_);
  w.require_all();
}

void Hypernetwork::check(const nn::Weights& w, const HypernetworkConfig& config) {
  const Hypernetwork probed(w.probe(), config);
}

Tensor Hypernetwork::changed(Part part, const Tensor& rows, float strength) const {
  const std::vector<Layer>& layers = (part == Part::kKey ? keys_ : values_).at(rows.dim(2));
  Tensor x = rows;
  for (const Layer& layer : layers) {
    x = layer.linear ? layer.linear(convert(x, compute_), {.f32_out = true}) : layer.norm(x);
    if (layer.activated) x = activated(x, activation_);
  }
  return ops::map([=](auto v, auto more) { return v + more * strength; }, rows, x);
}

size_t Hypernetwork::bytes() const {
  size_t total = 0;
  for (const Networks* networks : {&keys_, &values_})
    for (const auto& [width, layers] : *networks)
      for (const Layer& layer : layers) total += layer.linear.bytes();
  return total;
}

bool is_hypernetwork(const StoredTensors& file) {
  for (const auto& [name, tensor] : file) {
    const auto place = place_of(name);
    if (!place || place->part != 0 || !layer_name(place->rest)) continue;
    // The first weight of a network for rows of this width takes such rows.
    return tensor.rank() == 2 && tensor.dim(1) == place->width;
  }
  return false;
}

HypernetworkConfig read_hypernetwork_config(const formats::ModelFile& file) {
  if (!is_hypernetwork(*file.tensors))
    throw Error(Fault::kUnsupported, "this is not a hypernetwork: it has no networks for rows of some width")
        .in_file(file.name())
        .fix("Choose a .pt file from hypernetworks/ that stable-diffusion-webui has trained");
  HypernetworkConfig c;
  if (const auto named = file.metadata.find("activation_func"); named != file.metadata.end()) {
    const auto known = std::find_if(std::begin(kActivations), std::end(kActivations),
                                    [&](const auto& a) { return a.first == named->second; });
    if (known == std::end(kActivations))
      throw Error(Fault::kUnsupported, "the hypernetwork's activation is '" + named->second.substr(0, 40) +
                                           "', which ComfyUI does not take either")
          .in_file(file.name())
          .fix("Use a hypernetwork with linear, relu, leakyrelu, elu, swish, tanh, sigmoid, softsign or mish");
    c.activation = known->second;
  }
  const bool norms = says_yes(file, "is_layer_norm"), at_the_end = says_yes(file, "activate_output");
  std::array<std::map<int64_t, std::vector<std::string>>, 2> names;
  for (const auto& [name, tensor] : *file.tensors) {
    const auto place = place_of(name);
    if (!place) continue;
    const auto layer = layer_name(place->rest);
    if (layer) names[static_cast<size_t>(place->part)][place->width].push_back(*layer);
  }
  for (const int part : {0, 1})
    for (const auto& [width, list] : names[static_cast<size_t>(part)]) {
      if (!names[static_cast<size_t>(1 - part)].contains(width))
        bad(file.name(), "the network '" + scope_of(width, 1 - part) + "*' is missing");
      if (norms && list.size() % 2 != 0)
        bad(file.name(), "the network '" + scope_of(width, part) + "*' lacks the norm of its last layer");
      (part == 0 ? c.keys : c.values)[width] = layers_in(list, norms, at_the_end);
    }
  return c;
}

HypernetworkHandle load_hypernetwork(memory::Residency& residency, const formats::ModelFile& file, DType compute) {
  HypernetworkHandle handle;
  handle.file = file.name();
  handle.config = read_hypernetwork_config(file);
  const auto tensors = file.tensors;
  Hypernetwork::check(nn::Weights(tensors, compute, handle.file), handle.config);
  handle.model = packed_model<Hypernetwork>(
      residency, "hypernetwork " + handle.file, {"hypernetwork", tensors, compute},
      [tensors, compute, name = handle.file, config = handle.config](const ops::Packer& packer) {
        return std::make_shared<const Hypernetwork>(nn::Weights(tensors, compute, name, packer), config);
      });
  return handle;
}

ModelHandle with_hypernetwork(const ModelHandle& model, const HypernetworkHandle& net, float strength) {
  unet_of(model, "a hypernetwork");
  return with_patch(model, attention_patch(std::make_shared<const HypernetworkHook>(net, strength)));
}

}  // namespace easel::models
