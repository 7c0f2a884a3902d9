#include "synth/models/yolo_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace easel::synth {
namespace {

using formats::TorchModule;
using formats::TorchPlain;
using Modules = std::vector<std::pair<std::string, TorchModule>>;

std::vector<int64_t> pair_of(int64_t v) { return {v, v}; }

TorchModule torch_module(const std::string& kind) { return {.kind = "torch.nn.modules." + kind}; }
TorchModule module(const std::string& kind, Modules modules = {}) {
  return {.kind = "ultralytics.nn.modules." + kind, .modules = std::move(modules)};
}
TorchModule with(TorchModule one, const std::string& name, TorchPlain value) {
  one.attributes.emplace_back(name, std::move(value));
  return one;
}
// Modules "0", "1", ... of a list or a sequence.
TorchModule listed(const std::string& kind, std::vector<TorchModule> all) {
  TorchModule out = torch_module("container." + kind);
  for (size_t i = 0; i < all.size(); ++i) out.modules.emplace_back(std::to_string(i), std::move(all[i]));
  return out;
}

TorchModule plain_conv(int64_t in, int64_t out, int64_t window, int64_t stride, int64_t groups, bool bias) {
  TorchModule conv = torch_module("conv.Conv2d");
  conv.attributes = {{"in_channels", in},
                     {"out_channels", out},
                     {"kernel_size", pair_of(window)},
                     {"stride", pair_of(stride)},
                     {"padding", pair_of(window / 2)},
                     {"dilation", pair_of(1)},
                     {"groups", groups},
                     {"padding_mode", "zeros"}};
  conv.parameters = {{"weight", {out, in / groups, window, window}}};
  if (bias) conv.parameters.emplace_back("bias", Shape{out});
  return conv;
}

// Convolution, batch norm and, unless it is left out, SiLU.
TorchModule conv(int64_t in, int64_t out, int64_t window, int64_t stride = 1, int64_t groups = 1, bool active = true) {
  TorchModule norm = torch_module("batchnorm.BatchNorm2d");
  norm.attributes = {{"num_features", out}, {"eps", 0.001}, {"momentum", 0.03}, {"affine", true}};
  norm.parameters = {{"weight", {out}}, {"bias", {out}}};
  norm.buffers = {{"running_mean", {out}}, {"running_var", {out}}};
  return module(groups > 1 ? "conv.DWConv" : "conv.Conv",
                {{"conv", plain_conv(in, out, window, stride, groups, false)},
                 {"bn", std::move(norm)},
                 {"act", torch_module(active ? "activation.SiLU" : "linear.Identity")}});
}

TorchModule bottleneck(int64_t in, int64_t out, double inner, int64_t first, bool shortcut) {
  const auto hidden = static_cast<int64_t>(static_cast<double>(out) * inner);
  return with(module("block.Bottleneck", {{"cv1", conv(in, hidden, first)}, {"cv2", conv(hidden, out, 3)}}), "add",
              shortcut && in == out);
}

TorchModule split(const std::string& kind, int64_t in, int64_t out, int64_t half, std::vector<TorchModule> parts) {
  const auto count = static_cast<int64_t>(parts.size());
  return with(module("block." + kind, {{"cv1", conv(in, 2 * half, 1)},
                                       {"cv2", conv((2 + count) * half, out, 1)},
                                       {"m", listed("ModuleList", std::move(parts))}}),
              "c", half);
}

TorchModule c2f(int64_t in, int64_t out, int64_t count, bool shortcut) {
  std::vector<TorchModule> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(bottleneck(out / 2, out / 2, 1.0, 3, shortcut));
  return split("C2f", in, out, out / 2, std::move(parts));
}

TorchModule c3k(int64_t channels) {
  const int64_t hidden = channels / 2;
  return module("block.C3k", {{"cv1", conv(channels, hidden, 1)},
                              {"cv2", conv(channels, hidden, 1)},
                              {"cv3", conv(2 * hidden, channels, 1)},
                              {"m", listed("Sequential", {bottleneck(hidden, hidden, 1.0, 3, true),
                                                          bottleneck(hidden, hidden, 1.0, 3, true)})}});
}

TorchModule c3k2(int64_t in, int64_t out, int64_t count, bool inner, double part = 0.5) {
  const auto half = static_cast<int64_t>(static_cast<double>(out) * part);
  std::vector<TorchModule> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(inner ? c3k(half) : bottleneck(half, half, 0.5, 3, true));
  return split("C3k2", in, out, half, std::move(parts));
}

TorchModule sppf(int64_t channels) {
  TorchModule pool = torch_module("pooling.MaxPool2d");
  pool.attributes = {{"kernel_size", int64_t{5}},
                     {"stride", int64_t{1}},
                     {"padding", int64_t{2}},
                     {"dilation", int64_t{1}},
                     {"ceil_mode", false}};
  return module(
      "block.SPPF",
      {{"cv1", conv(channels, channels / 2, 1)}, {"cv2", conv(2 * channels, channels, 1)}, {"m", std::move(pool)}});
}

TorchModule psa_block(int64_t channels, int64_t heads) {
  const int64_t value = channels / heads, key = value / 2;
  TorchModule attention =
      module("block.Attention", {{"qkv", conv(channels, channels + 2 * key * heads, 1, 1, 1, false)},
                                 {"proj", conv(channels, channels, 1, 1, 1, false)},
                                 {"pe", conv(channels, channels, 3, 1, channels, false)}});
  attention.attributes = {{"num_heads", heads},
                          {"head_dim", value},
                          {"key_dim", key},
                          {"scale", 1.0 / std::sqrt(static_cast<double>(key))}};
  return with(module("block.PSABlock", {{"attn", std::move(attention)},
                                        {"ffn", listed("Sequential", {conv(channels, 2 * channels, 1),
                                                                      conv(2 * channels, channels, 1, 1, 1, false)})}}),
              "add", true);
}

TorchModule c2psa(int64_t channels, int64_t count) {
  const int64_t half = channels / 2;
  std::vector<TorchModule> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(psa_block(half, std::max<int64_t>(1, half / 64)));
  return with(module("block.C2PSA", {{"cv1", conv(channels, 2 * half, 1)},
                                     {"cv2", conv(2 * half, channels, 1)},
                                     {"m", listed("Sequential", std::move(parts))}}),
              "c", half);
}

TorchModule doubled() {
  TorchModule out = torch_module("upsampling.Upsample");
  out.attributes = {{"size", nullptr}, {"scale_factor", 2.0}, {"mode", "nearest"}, {"align_corners", nullptr}};
  return out;
}
TorchModule joined() { return with(module("conv.Concat"), "d", int64_t{1}); }

// The head over maps of these widths. The newer one has windows over each channel by itself where the older one has
// full ones.
TorchModule head(const std::vector<int64_t>& in, int64_t kinds, bool masks, bool newer) {
  constexpr int64_t kBins = 16, kMasks = 32;
  const int64_t box = std::max({int64_t{16}, in[0] / 4, kBins * 4}),
                named = std::max(in[0], std::min<int64_t>(kinds, 100));
  const int64_t shaped = std::max(in[0] / 4, kMasks);
  const auto branch = [](int64_t from, int64_t inner, int64_t out) {
    return listed("Sequential", {conv(from, inner, 3), conv(inner, inner, 3), plain_conv(inner, out, 1, 1, 1, true)});
  };
  std::vector<TorchModule> boxes, names, coefficients;
  for (const int64_t from : in) {
    boxes.push_back(branch(from, box, 4 * kBins));
    names.push_back(
        newer ? listed("Sequential", {listed("Sequential", {conv(from, from, 3, 1, from), conv(from, named, 1)}),
                                      listed("Sequential", {conv(named, named, 3, 1, named), conv(named, named, 1)}),
                                      plain_conv(named, kinds, 1, 1, 1, true)})
              : branch(from, named, kinds));
    coefficients.push_back(branch(from, shaped, kMasks));
  }
  TorchModule out = module(masks ? "head.Segment" : "head.Detect",
                           {{"cv2", listed("ModuleList", std::move(boxes))},
                            {"cv3", listed("ModuleList", std::move(names))},
                            {"dfl", module("block.DFL", {{"conv", plain_conv(kBins, 1, 1, 1, 1, false)}})}});
  out.attributes = {
      {"nc", kinds}, {"nl", static_cast<int64_t>(in.size())}, {"reg_max", kBins}, {"no", kinds + 4 * kBins}};
  if (!masks) return out;
  const int64_t width = in[0];  // ultralytics has 256 times the scale, which is this
  TorchModule enlarged = torch_module("conv.ConvTranspose2d");
  enlarged.attributes = {
      {"kernel_size", pair_of(2)}, {"stride", pair_of(2)}, {"padding", pair_of(0)}, {"groups", int64_t{1}}};
  enlarged.parameters = {{"weight", {width, width, 2, 2}}, {"bias", {width}}};
  out.modules.emplace_back("proto", module("block.Proto", {{"cv1", conv(width, width, 3)},
                                                           {"upsample", std::move(enlarged)},
                                                           {"cv2", conv(width, width, 3)},
                                                           {"cv3", conv(width, kMasks, 1)}}));
  out.modules.emplace_back("cv4", listed("ModuleList", std::move(coefficients)));
  out.attributes.emplace_back("nm", kMasks);
  out.attributes.emplace_back("npr", width);
  out.method_of = "ultralytics.nn.modules.head.Detect";
  return out;
}

// Modules one after another, each with the numbers of those whose maps it takes.
class Builder {
 public:
  explicit Builder(const YoloScale& scale) : scale_(scale) {}

  int64_t width(int64_t described) const {
    constexpr double kMultiple = 8;
    return static_cast<int64_t>(
        std::ceil(static_cast<double>(std::min(described, scale_.most)) * scale_.width / kMultiple) * kMultiple);
  }
  int64_t times(int64_t described) const {
    return std::max<int64_t>(1, static_cast<int64_t>(std::nearbyint(static_cast<double>(described) * scale_.depth)));
  }
  int64_t last() const { return widths_.empty() ? 3 : widths_.back(); }
  int64_t width_of(int64_t index) const { return widths_[static_cast<size_t>(index)]; }

  void add(TorchModule one, int64_t out, std::vector<int64_t> from = {-1}) {
    const auto index = static_cast<int64_t>(all_.size());
    one.attributes.emplace_back("i", index);
    if (from.size() == 1) one.attributes.emplace_back("f", from[0]);
    else one.attributes.emplace_back("f", from);
    one.attributes.emplace_back("type", one.kind);
    all_.push_back(std::move(one));
    widths_.push_back(out);
  }
  void step(int64_t described) { add(conv(last(), width(described), 3, 2), width(described)); }
  void join(int64_t with) { add(joined(), last() + width_of(with), {-1, with}); }
  void enlarge() { add(doubled(), last()); }

  TorchModule whole(const std::vector<std::string>& kinds, bool masks) {
    std::map<int64_t, std::string> names;
    for (size_t i = 0; i < kinds.size(); ++i) names.emplace(static_cast<int64_t>(i), kinds[i]);
    TorchModule out{.kind = std::string("ultralytics.nn.tasks.") + (masks ? "SegmentationModel" : "DetectionModel")};
    out.attributes = {{"inplace", true}, {"names", std::move(names)}, {"task", masks ? "segment" : "detect"}};
    out.modules.emplace_back("model", listed("Sequential", std::move(all_)));
    return out;
  }

 private:
  YoloScale scale_;
  std::vector<TorchModule> all_;
  std::vector<int64_t> widths_;
};

}  // namespace

TorchModule yolov8(const YoloScale& scale, const std::vector<std::string>& kinds, bool masks) {
  Builder b(scale);
  const auto block = [&](int64_t described, int64_t times, bool shortcut) {
    b.add(c2f(b.last(), b.width(described), b.times(times), shortcut), b.width(described));
  };
  b.step(64);
  b.step(128);
  block(128, 3, true);
  b.step(256);
  block(256, 6, true);
  b.step(512);
  block(512, 6, true);
  b.step(1024);
  block(1024, 3, true);
  b.add(sppf(b.last()), b.last());
  b.enlarge();
  b.join(6);
  block(512, 3, false);
  b.enlarge();
  b.join(4);
  block(256, 3, false);
  b.step(256);
  b.join(12);
  block(512, 3, false);
  b.step(512);
  b.join(9);
  block(1024, 3, false);
  const std::vector<int64_t> from{15, 18, 21};
  b.add(head({b.width_of(15), b.width_of(18), b.width_of(21)}, static_cast<int64_t>(kinds.size()), masks, false), 0,
        from);
  return b.whole(kinds, masks);
}

TorchModule yolo11(const YoloScale& scale, const std::vector<std::string>& kinds, bool masks) {
  Builder b(scale);
  const auto block = [&](int64_t described, bool inner, double part = 0.5) {
    b.add(c3k2(b.last(), b.width(described), b.times(2), inner, part), b.width(described));
  };
  b.step(64);
  b.step(128);
  block(256, false, 0.25);
  b.step(256);
  block(512, false, 0.25);
  b.step(512);
  block(512, true);
  b.step(1024);
  block(1024, true);
  b.add(sppf(b.last()), b.last());
  b.add(c2psa(b.last(), b.times(2)), b.last());
  b.enlarge();
  b.join(6);
  block(512, false);
  b.enlarge();
  b.join(4);
  block(256, false);
  b.step(256);
  b.join(13);
  block(512, false);
  b.step(512);
  b.join(10);
  block(1024, true);
  const std::vector<int64_t> from{16, 19, 22};
  b.add(head({b.width_of(16), b.width_of(19), b.width_of(22)}, static_cast<int64_t>(kinds.size()), masks, true), 0,
        from);
  return b.whole(kinds, masks);
}

}  // namespace easel::synth
