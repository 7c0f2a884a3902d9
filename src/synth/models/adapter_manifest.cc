#include <iterator>
#include <string_view>

#include "synth/models/manifest.h"

namespace easel::synth {
namespace {

std::string dot(const std::string& a, int64_t i) { return a + "." + std::to_string(i); }

constexpr int64_t kLevels[] = {1, 2, 4, 4};

}  // namespace

Manifest t2i_adapter(int64_t channels, int64_t inputs, int64_t convolution) {
  Manifest m;
  int64_t in = channels, block = 0;
  for (int64_t mult : kLevels) {
    const int64_t width = mult * channels;
    for (int i = 0; i < 2; ++i, ++block, in = width) {
      const std::string p = dot("body", block);
      if (in != width) m.layer(p + ".in_conv", {width, in, convolution, convolution});
      m.layer(p + ".block1", {width, width, 3, 3});
      m.layer(p + ".block2", {width, width, convolution, convolution});
    }
  }
  m.layer("conv_in", {channels, inputs, 3, 3});
  return m;
}

Manifest t2i_adapter_light(int64_t channels, int64_t inputs) {
  Manifest m;
  int64_t in = inputs;
  for (size_t level = 0; level < std::size(kLevels); ++level) {
    const int64_t width = kLevels[level] * channels, inner = width / 4;
    const std::string p = dot("body", static_cast<int64_t>(level));
    m.layer(p + ".in_conv", {inner, in, 1, 1});
    for (int i = 0; i < 4; ++i)
      for (const char* part : {".block1", ".block2"}) m.layer(dot(p + ".body", i) + part, {inner, inner, 3, 3});
    m.layer(p + ".out_conv", {width, inner, 1, 1});
    in = width;
  }
  return m;
}

Manifest ip_mlp(int64_t width, int64_t context) {
  Manifest m;
  m.layer("image_proj.proj.0", {width, width});
  m.layer("image_proj.proj.2", {context, width});
  m.norm("image_proj.proj.3", context);
  return m;
}

Manifest gligen(const Manifest& unet, int64_t text) {
  constexpr int64_t kHidden = 512, kPlace = 64;
  constexpr std::string_view kQuery = ".attn1.to_q.weight";
  Manifest m;
  for (const auto& [name, shape] : unet) {
    if (!name.ends_with(kQuery)) continue;
    const std::string p = name.substr(0, name.size() - kQuery.size()) + ".fuser";
    const int64_t width = shape[0];
    m.add(p + ".alpha_attn", {});
    m.add(p + ".alpha_dense", {});
    m.layer(p + ".linear", {width, text});
    for (const char* part : {".attn.to_q.weight", ".attn.to_k.weight", ".attn.to_v.weight"})
      m.add(p + part, {width, width});
    m.layer(p + ".attn.to_out.0", {width, width});
    m.layer(p + ".ff.net.0.proj", {8 * width, width});
    m.layer(p + ".ff.net.2", {width, 4 * width});
    m.norm(p + ".norm1", width);
    m.norm(p + ".norm2", width);
  }
  m.add("position_net.null_positive_feature", {text});
  m.add("position_net.null_position_feature", {kPlace});
  m.layer("position_net.linears.0", {kHidden, text + kPlace});
  m.layer("position_net.linears.2", {kHidden, kHidden});
  m.layer("position_net.linears.4", {text, kHidden});
  return m;
}

Manifest hypernetwork(const std::vector<int64_t>& widths) {
  Manifest m;
  for (const int64_t width : widths)
    for (const char* part : {".0", ".1"}) {
      const std::string p = std::to_string(width) + part;
      m.layer(p + ".linear.0", {2 * width, width});
      m.layer(p + ".linear.1", {width, 2 * width});
    }
  return m;
}

Manifest photo_maker(const Manifest& vision, int64_t vision_width, int64_t projection, int64_t text) {
  Manifest m;
  m.append(vision, "id_encoder.");
  m.add("id_encoder.visual_projection_2.weight", {text - projection, vision_width});
  const std::string fuse = "id_encoder.fuse_module";
  m.norm(fuse + ".mlp1.layernorm", 2 * text);
  m.layer(fuse + ".mlp1.fc1", {text, 2 * text});
  m.layer(fuse + ".mlp1.fc2", {text, text});
  m.norm(fuse + ".mlp2.layernorm", text);
  m.layer(fuse + ".mlp2.fc1", {text, text});
  m.layer(fuse + ".mlp2.fc2", {text, text});
  m.norm(fuse + ".layer_norm", text);
  return m;
}

}  // namespace easel::synth
