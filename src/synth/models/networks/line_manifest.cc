#include "synth/models/networks/line_manifest.h"

#include <algorithm>

namespace easel::synth {
namespace {

constexpr int64_t kColours = 3;

void batch_norm(Manifest& m, const std::string& name, int64_t width) {
  m.norm(name, width);
  m.add(name + ".running_mean", {width});
  m.add(name + ".running_var", {width});
}

// A convolution with a batch norm behind it, as torch numbers them.
void with_norm(Manifest& m, const std::string& name, const Shape& weight, bool bias) {
  if (bias) m.layer(name + ".0", weight);
  else m.add(name + ".0.weight", weight);
  batch_norm(m, name + ".1", weight[0]);
}

// A transposed convolution.
void turned(Manifest& m, const std::string& name, const Shape& weight) {
  m.add(name + ".weight", weight);
  m.add(name + ".bias", {weight[1]});
}

}  // namespace

Manifest drawn_lines(int64_t channels, int64_t blocks) {
  const int64_t c = channels;
  Manifest m;
  m.layer("model0.1", {c, kColours, 7, 7});
  m.layer("model1.0", {2 * c, c, 3, 3});
  m.layer("model1.3", {4 * c, 2 * c, 3, 3});
  for (int64_t i = 0; i < blocks; ++i)
    for (const char* layer : {".conv_block.1", ".conv_block.5"})
      m.layer("model2." + std::to_string(i) + layer, {4 * c, 4 * c, 3, 3});
  turned(m, "model3.0", {4 * c, 2 * c, 3, 3});
  turned(m, "model3.3", {2 * c, c, 3, 3});
  m.layer("model4.1", {1, c, 7, 7});
  return m;
}

Manifest anime_lines(int64_t channels, int64_t levels) {
  Manifest m;
  constexpr int64_t kMostTimes = 8;
  std::string at = "model.model.";
  int64_t outer = kColours;
  for (int64_t i = 0; i < levels; ++i) {
    const int64_t inner = channels * std::min(int64_t{1} << i, kMostTimes);
    m.layer(at + (i == 0 ? "0" : "1"), {inner, outer, 4, 4});
    outer = inner;
    at += i == 0 ? "1.model." : "3.model.";
  }
  for (int64_t i = levels; i-- > 0;) {
    at.resize(at.size() - std::string_view("N.model.").size());
    const int64_t inner = channels * std::min(int64_t{1} << i, kMostTimes);
    const int64_t back = i == 0 ? 1 : channels * std::min(int64_t{1} << (i - 1), kMostTimes);
    const bool innermost = i + 1 == levels;
    turned(m, at + (innermost || i == 0 ? "3" : "5"), {innermost ? inner : 2 * inner, back, 4, 4});
  }
  return m;
}

Manifest difference_edges(int64_t channels, int64_t narrow) {
  Manifest m;
  m.add("init_block.weight", {channels, kColours, 3, 3});
  int64_t in = channels;
  for (int level = 1; level <= 4; ++level) {
    const int64_t out = level == 2 || level == 3 ? 2 * in : in;
    for (int n = 1; n <= (level == 1 ? 3 : 4); ++n) {
      const std::string p = "block" + std::to_string(level) + "_" + std::to_string(n);
      if (level > 1 && n == 1) m.layer(p + ".shortcut", {out, in, 1, 1});
      m.add(p + ".conv1.weight", {in, 1, 3, 3});
      m.add(p + ".conv2.weight", {out, in, 1, 1});
      in = out;
    }
  }
  constexpr int64_t kMiddle = 4;
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    const int64_t width = channels * std::min(1 << i, 4);
    m.layer("dilations." + n + ".conv1", {narrow, width, 1, 1});
    for (int k = 1; k <= 4; ++k)
      m.add("dilations." + n + ".conv2_" + std::to_string(k) + ".weight", {narrow, narrow, 3, 3});
    m.layer("attentions." + n + ".conv1", {kMiddle, narrow, 1, 1});
    m.add("attentions." + n + ".conv2.weight", {1, kMiddle, 3, 3});
    m.layer("conv_reduces." + n + ".conv", {1, narrow, 1, 1});
  }
  m.layer("classifier", {1, 4, 1, 1});
  return m;
}

Manifest tiny_edges() {
  Manifest m;
  m.layer("block_1.conv1", {16, kColours, 3, 3});
  m.layer("block_1.conv2", {16, 16, 3, 3});
  m.layer("block_2.conv1", {32, 16, 3, 3});
  m.layer("block_2.conv2", {32, 32, 3, 3});
  m.layer("dblock_3.denselayer1.conv1", {48, 32, 3, 3});
  m.layer("dblock_3.denselayer1.conv2", {48, 48, 3, 3});
  m.layer("side_1.conv", {32, 16, 1, 1});
  m.layer("pre_dense_3.conv", {48, 32, 1, 1});
  for (const auto& [name, in] : {std::pair{"up_block_1", 16}, std::pair{"up_block_2", 32}}) {
    m.layer(std::string(name) + ".features.0", {1, in, 1, 1});
    turned(m, std::string(name) + ".features.2", {1, 1, 2, 2});
  }
  m.layer("up_block_3.features.0", {16, 48, 1, 1});
  turned(m, "up_block_3.features.2", {16, 16, 4, 4});
  m.layer("up_block_3.features.3", {1, 16, 1, 1});
  turned(m, "up_block_3.features.5", {1, 1, 4, 4});
  m.layer("block_cat.DWconv1", {24, 1, 3, 3});
  m.layer("block_cat.DWconv2", {24, 1, 3, 3});
  return m;
}

Manifest straight_lines(int64_t part) {
  Manifest m;
  const std::string features = "backbone.features.";
  constexpr std::array<int64_t, 13> kWidths{16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96};
  constexpr int64_t kFirst = 32, kTimes = 6, kJoined = 64, kOut = 16;
  int64_t in = kFirst / part;
  with_norm(m, features + "0", {in, 4, 3, 3}, false);
  for (size_t i = 0; i < kWidths.size(); ++i) {
    const std::string p = features + std::to_string(i + 1) + ".conv.";
    const int64_t hidden = i == 0 ? in : kTimes * in, out = kWidths[i] / part;
    int at = 0;
    if (i > 0) with_norm(m, p + std::to_string(at++), {hidden, in, 1, 1}, false);
    with_norm(m, p + std::to_string(at++), {hidden, 1, 3, 3}, false);
    m.add(p + std::to_string(at) + ".weight", {out, hidden, 1, 1});
    batch_norm(m, p + std::to_string(at + 1), out);
    in = out;
  }
  const int64_t half = kJoined / part;
  constexpr std::array<int64_t, 4> kFine{64, 32, 24, 16};
  for (size_t i = 0; i < kFine.size(); ++i) {
    const std::string a = "block" + std::to_string(15 + 2 * i), b = "block" + std::to_string(16 + 2 * i);
    with_norm(m, a + ".conv1", {half, in, 1, 1}, true);
    with_norm(m, a + ".conv2", {half, kFine[i] / part, 1, 1}, true);
    with_norm(m, b + ".conv1", {2 * half, 2 * half, 3, 3}, true);
    with_norm(m, b + ".conv2", {half, 2 * half, 3, 3}, true);
    in = half;
  }
  with_norm(m, "block23.conv1", {in, in, 3, 3}, true);
  with_norm(m, "block23.conv2", {in, in, 3, 3}, true);
  m.layer("block23.conv3", {kOut, in, 1, 1});
  return m;
}

Manifest normals(const NormalPlan& plan) {
  Manifest m;
  const std::string encoder = "encoder.original_model.", decoder = "decoder.";
  constexpr std::array<int64_t, 7> kWindows{3, 3, 5, 3, 5, 5, 3};
  constexpr int64_t kTimes = 6, kOfNormal = 4;
  m.add(encoder + "conv_stem.weight", {plan.stem, kColours, 3, 3});
  batch_norm(m, encoder + "bn1", plan.stem);
  int64_t in = plan.stem;
  for (size_t i = 0; i < plan.widths.size(); ++i)
    for (int64_t n = 0; n < plan.blocks[i]; ++n) {
      const std::string b = encoder + "blocks." + std::to_string(i) + "." + std::to_string(n) + ".";
      const int64_t hidden = i == 0 ? in : kTimes * in, few = std::max<int64_t>(1, in / 4), out = plan.widths[i];
      if (i > 0) {
        m.add(b + "conv_pw.weight", {hidden, in, 1, 1});
        batch_norm(m, b + "bn1", hidden);
      }
      m.add(b + "conv_dw.weight", {hidden, 1, kWindows[i], kWindows[i]});
      batch_norm(m, b + (i > 0 ? "bn2" : "bn1"), hidden);
      m.layer(b + "se.conv_reduce", {few, hidden, 1, 1});
      m.layer(b + "se.conv_expand", {hidden, few, 1, 1});
      m.add(b + (i > 0 ? "conv_pwl.weight" : "conv_pw.weight"), {out, hidden, 1, 1});
      batch_norm(m, b + (i > 0 ? "bn3" : "bn2"), out);
      in = out;
    }
  m.add(encoder + "conv_head.weight", {plan.head, in, 1, 1});
  batch_norm(m, encoder + "bn2", plan.head);
  m.layer(decoder + "conv2", {plan.head, plan.head, 1, 1});
  constexpr std::array<size_t, 4> kSeen{4, 2, 1, 0};
  std::array<int64_t, 4> joined{};
  in = plan.head;
  for (size_t i = 0; i < kSeen.size(); ++i) {
    const std::string net = decoder + "up" + std::to_string(i + 1) + "._net.";
    joined[i] = plan.joined >> i;
    m.layer(net + "0", {joined[i], in + plan.widths[kSeen[i]], 3, 3});
    batch_norm(m, net + "1", joined[i]);
    m.layer(net + "3", {joined[i], joined[i], 3, 3});
    batch_norm(m, net + "4", joined[i]);
    in = joined[i];
  }
  m.layer(decoder + "out_conv_res8", {kOfNormal, joined[1], 3, 3});
  constexpr std::array kNames{"out_conv_res4.", "out_conv_res2.", "out_conv_res1."};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const std::string points = decoder + kNames[i];
    in = joined[i + 1] + kOfNormal;
    for (const int k : {0, 2, 4, 6}) {
      const int64_t out = k == 6 ? kOfNormal : plan.points;
      m.layer(points + std::to_string(k), {out, in, 1});
      in = out;
    }
  }
  return m;
}

}  // namespace easel::synth
