#include "synth/models/networks/fill_manifest.h"

namespace easel::synth {
namespace {

constexpr int64_t kColours = 3;

void batch_norm(Manifest& m, const std::string& name, int64_t width) {
  m.norm(name, width);
  m.add(name + ".running_mean", {width});
  m.add(name + ".running_var", {width});
}

// A scaled convolution with the filter that it smooths by.
void scaled(Manifest& m, const std::string& name, const Shape& weight) {
  m.layer(name, weight);
  m.add(name + ".resample_filter", {4, 4});
}

void styled(Manifest& m, const std::string& name, int64_t in, int64_t out, int64_t style, int64_t size) {
  m.add(name + ".bias", {out});
  m.add(name + ".conv.weight", {1, out, in, size, size});
  m.add(name + ".conv.resample_filter", {4, 4});
  m.layer(name + ".conv.affine", {in, style});
}

}  // namespace

Manifest lama(int64_t channels, int64_t blocks) {
  Manifest m;
  int at = 1;
  const auto name = [&] { return "model." + std::to_string(at); };
  int64_t width = channels;
  m.add(name() + ".ffc.convl2l.weight", {width, kColours + 1, 7, 7});
  batch_norm(m, name() + ".bn_l", width);
  for (int i = 0; i < 2; ++i) {
    ++at;
    m.add(name() + ".ffc.convl2l.weight", {2 * width, width, 3, 3});
    width *= 2;
    batch_norm(m, name() + ".bn_l", width);
  }
  ++at;
  const int64_t local = width / 2, global = width * 3 / 2;
  m.add(name() + ".ffc.convl2l.weight", {local, width, 3, 3});
  m.add(name() + ".ffc.convl2g.weight", {global, width, 3, 3});
  batch_norm(m, name() + ".bn_l", local);
  batch_norm(m, name() + ".bn_g", global);
  for (int64_t i = 0; i < blocks; ++i) {
    ++at;
    for (const char* part : {".conv1", ".conv2"}) {
      const std::string p = name() + part;
      m.add(p + ".ffc.convl2l.weight", {local, local, 3, 3});
      m.add(p + ".ffc.convl2g.weight", {global, local, 3, 3});
      m.add(p + ".ffc.convg2l.weight", {local, global, 3, 3});
      const std::string s = p + ".ffc.convg2g";
      m.add(s + ".conv1.0.weight", {global / 2, global, 1, 1});
      batch_norm(m, s + ".conv1.1", global / 2);
      m.add(s + ".fu.conv_layer.weight", {global, global, 1, 1});
      batch_norm(m, s + ".fu.bn", global);
      m.add(s + ".conv2.weight", {global, global / 2, 1, 1});
      batch_norm(m, p + ".bn_l", local);
      batch_norm(m, p + ".bn_g", global);
    }
  }
  at += 2;
  width = local + global;
  for (int i = 0; i < 3; ++i) {
    m.add(name() + ".weight", {width, width / 2, 3, 3});
    m.add(name() + ".bias", {width / 2});
    width /= 2;
    ++at;
    batch_norm(m, name(), width);
    at += 2;
  }
  ++at;
  m.layer(name(), {kColours, width, 7, 7});
  return m;
}

Manifest mat(const MatPlan& plan) {
  Manifest m;
  const int64_t d = plan.first, code = plan.code;
  const std::string f = "synthesis.first_stage.";
  scaled(m, f + "conv_first.conv", {d, kColours + 1, 3, 3});
  int64_t sizes = 0;
  while ((int64_t{64} << sizes) < plan.side) ++sizes;
  for (int64_t i = 0; i < sizes; ++i) scaled(m, f + "enc_conv." + std::to_string(i) + ".conv", {d, d, 3, 3});
  constexpr std::array<int, 5> kBlocks{2, 3, 4, 3, 2};
  for (size_t i = 0; i < kBlocks.size(); ++i) {
    const std::string stage = f + "tran." + std::to_string(i);
    if (i > 0) scaled(m, stage + ".downsample.conv.conv", {d, d, 3, 3});
    for (int n = 0; n < kBlocks[i]; ++n) {
      const std::string b = stage + ".blocks." + std::to_string(n);
      for (const char* layer : {".attn.q", ".attn.k", ".attn.v", ".attn.proj"}) m.layer(b + layer, {d, d});
      m.layer(b + ".fuse", {d, 2 * d});
      m.layer(b + ".mlp.fc1", {2 * d, d});
      m.layer(b + ".mlp.fc2", {d, 2 * d});
    }
    scaled(m, stage + ".conv.conv", {d, d, 3, 3});
  }
  for (int i = 0; i < 4; ++i) scaled(m, f + "down_conv." + std::to_string(i), {d, d, 3, 3});
  m.layer(f + "to_style", {2 * d, d});
  m.layer(f + "ws_style", {d, code});
  m.layer(f + "to_square", {256, d});
  for (int64_t i = 0; i < sizes; ++i) {
    const std::string level = f + "dec_conv." + std::to_string(i);
    styled(m, level + ".conv0", d, d, 3 * d, 3);
    styled(m, level + ".conv1", d, d, 3 * d, 3);
    styled(m, level + ".toRGB", d, kColours, 3 * d, 1);
  }
  const std::string s = "synthesis.";
  const auto level_name = [](size_t i) {
    const std::string side = std::to_string(16 << i);
    return side + "x" + side;
  };
  constexpr int64_t kSeen = 7;
  int64_t in = kSeen;
  for (size_t i = plan.levels.size(); i-- > 0;) {
    const std::string block = s + "enc.EncConv_Block_" + level_name(i);
    const int64_t window = i + 1 == plan.levels.size() ? 1 : 3;
    scaled(m, block + ".conv0", {plan.levels[i], in, window, window});
    scaled(m, block + ".conv1", {plan.levels[i], plan.levels[i], 3, 3});
    in = plan.levels[i];
  }
  m.layer(s + "to_square", {256, code});
  for (int i = 0; i < 3; ++i) scaled(m, s + "to_style.conv." + std::to_string(i), {in, in, 3, 3});
  const int64_t seen = 2 * in, style = code + seen;
  m.layer(s + "to_style.fc", {seen, in});
  for (size_t i = 0; i < plan.levels.size(); ++i) {
    const std::string block = s + "dec.Dec_" + level_name(i);
    const int64_t out = plan.levels[i];
    if (i == 0) scaled(m, block + ".conv0", {out, in, 3, 3});
    else styled(m, block + ".conv0", in, out, style, 3);
    styled(m, block + ".conv1", out, out, style, 3);
    styled(m, block + ".toRGB", out, kColours, style, 1);
    in = out;
  }
  m.add("mapping.w_avg", {code});
  for (int i = 0; i < 8; ++i) m.layer("mapping.fc" + std::to_string(i), {code, code});
  return m;
}

}  // namespace easel::synth
