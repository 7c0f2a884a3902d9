#include "synth/models/manifest.h"

namespace easel::synth {
namespace {

std::string dot(const std::string& a, const std::string& b) { return a + "." + b; }
std::string dot(const std::string& a, int64_t i) { return a + "." + std::to_string(i); }

void residual(Manifest& m, const std::string& p, int64_t in, int64_t out, int64_t embedding) {
  m.norm(p + ".in_layers.0", in);
  m.layer(p + ".in_layers.2", {out, in, 3, 3});
  m.layer(p + ".emb_layers.1", {out, embedding});
  m.norm(p + ".out_layers.0", out);
  m.layer(p + ".out_layers.3", {out, out, 3, 3});
  if (in != out) m.layer(p + ".skip_connection", {out, in, 1, 1});
}

void attention(Manifest& m, const std::string& p, int64_t width, int64_t context) {
  m.add(p + ".to_q.weight", {width, width});
  m.add(p + ".to_k.weight", {width, context});
  m.add(p + ".to_v.weight", {width, context});
  m.layer(p + ".to_out.0", {width, width});
}

void transformer(Manifest& m, const std::string& p, int64_t width, int depth, size_t level, const UNetPlan& plan) {
  const Shape projection = plan.linear ? Shape{width, width} : Shape{width, width, 1, 1};
  m.norm(p + ".norm", width);
  m.layer(p + ".proj_in", projection);
  for (int i = 0; i < depth; ++i) {
    const std::string b = dot(p + ".transformer_blocks", i);
    attention(m, b + ".attn1", width, plan.text_twice && level == 0 ? plan.context : width);
    m.layer(b + ".ff.net.0.proj", {8 * width, width});
    m.layer(b + ".ff.net.2", {width, 4 * width});
    attention(m, b + ".attn2", width, plan.context);
    for (const char* n : {".norm2", ".norm1", ".norm3"}) m.norm(b + n, width);
  }
  m.layer(p + ".proj_out", projection);
}

// The way down and the middle, which a ControlNet shares. Returns the channels of every skip connection.
std::vector<int64_t> encoder(Manifest& m, const UNetPlan& plan) {
  const int64_t mc = plan.channels, embedding = 4 * mc;
  m.layer("time_embed.0", {embedding, mc});
  m.layer("time_embed.2", {embedding, embedding});
  if (plan.guidance > 0) m.add("time_embed.cond_proj.weight", {mc, plan.guidance});
  if (plan.label > 0) {
    m.layer("label_emb.0.0", {embedding, plan.label});
    m.layer("label_emb.0.2", {embedding, embedding});
  }
  m.layer("input_blocks.0.0", {mc, plan.in_channels, 3, 3});
  std::vector<int64_t> skips{mc};
  int64_t width = mc;
  size_t block = 0;
  for (size_t level = 0; level < plan.mult.size(); ++level) {
    for (int i = 0; i < plan.blocks[level]; ++i) {
      const std::string p = dot("input_blocks", static_cast<int64_t>(skips.size()));
      residual(m, dot(p, "0"), width, mc * plan.mult[level], embedding);
      width = mc * plan.mult[level];
      if (plan.depth_in[block] > 0) transformer(m, dot(p, "1"), width, plan.depth_in[block], level, plan);
      ++block;
      skips.push_back(width);
    }
    if (level + 1 == plan.mult.size()) break;
    m.layer(dot("input_blocks", static_cast<int64_t>(skips.size())) + ".0.op", {width, width, 3, 3});
    skips.push_back(width);
  }
  if (plan.depth_middle > -2) residual(m, "middle_block.0", width, width, embedding);
  if (plan.depth_middle >= 0) {
    transformer(m, "middle_block.1", width, plan.depth_middle, plan.mult.size() - 1, plan);
    residual(m, "middle_block.2", width, width, embedding);
  }
  return skips;
}

}  // namespace

UNetPlan sd_plan(int64_t channels, int64_t context, int64_t label, bool linear) {
  return {.channels = channels,
          .context = context,
          .label = label,
          .linear = linear,
          .mult = {1, 2, 4, 4},
          .blocks = {2, 2, 2, 2},
          .depth_in = {1, 1, 1, 1, 1, 1, 0, 0},
          .depth_out = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}};
}

UNetPlan sdxl_plan(const Widths& w) {
  return {.channels = w.unet_sdxl,
          .context = w.text_l + w.text_g,
          .label = w.text_g + 6 * 256,
          .linear = true,
          .mult = {1, 2, 4},
          .blocks = {2, 2, 2},
          .depth_in = {0, 0, 2, 2, 10, 10},
          .depth_out = {0, 0, 0, 2, 2, 2, 10, 10, 10},
          .depth_middle = 10};
}

UNetPlan refiner_plan(const Widths& w) {
  return {.channels = w.unet_refiner,
          .context = w.text_g,
          .label = w.text_g + 5 * 256,
          .linear = true,
          .mult = {1, 2, 4, 4},
          .blocks = {2, 2, 2, 2},
          .depth_in = {0, 0, 4, 4, 4, 4, 0, 0},
          .depth_out = {0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0},
          .depth_middle = 4};
}

UNetPlan koala_plan(const Widths& w) {
  UNetPlan plan = sdxl_plan(w);
  plan.blocks = {1, 1, 1};
  plan.depth_in = {0, 2, 5};
  plan.depth_out = {0, 0, 2, 2, 5, 5};
  plan.depth_middle = -2;
  return plan;
}

UNetPlan sdxs_plan(const Widths& w) {
  return {.channels = w.unet_sd15,
          .context = w.text_l,
          .mult = {1, 2, 4},
          .blocks = {1, 1, 1},
          .depth_in = {0, 1, 1},
          .depth_out = {0, 0, 1, 1, 1, 1},
          .depth_middle = -2};
}

UNetPlan sdxs_09_plan(const Widths& w) {
  return {.channels = w.unet_sd21,
          .context = w.text_h,
          .linear = true,
          .mult = {1, 2, 4},
          .blocks = {1, 1, 1},
          .depth_in = {1, 1, 1},
          .depth_out = {1, 1, 1, 1, 1, 1},
          .depth_middle = -2,
          .text_twice = true};
}

Manifest unet(const UNetPlan& plan) {
  Manifest m;
  std::vector<int64_t> skips = encoder(m, plan);
  std::vector<int> depth = plan.depth_out;
  const int64_t mc = plan.channels, embedding = 4 * mc;
  int64_t width = mc * plan.mult.back(), block = 0;
  for (size_t level = plan.mult.size(); level-- > 0;) {
    const int64_t out = mc * plan.mult[level];
    for (int i = 0; i <= plan.blocks[level]; ++i, ++block) {
      const std::string p = dot("output_blocks", block);
      residual(m, dot(p, "0"), width + skips.back(), out, embedding);
      skips.pop_back();
      width = out;
      int64_t part = 1;
      if (depth.back() > 0) transformer(m, dot(p, part++), width, depth.back(), level, plan);
      depth.pop_back();
      if (level > 0 && i == plan.blocks[level]) m.layer(dot(p, part) + ".conv", {width, width, 3, 3});
    }
  }
  m.norm("out.0", mc);
  m.layer("out.2", {4, mc, 3, 3});
  return m;
}

Manifest controlnet(const UNetPlan& plan) {
  Manifest body;
  const std::vector<int64_t> skips = encoder(body, plan);
  const int64_t hint[] = {3, 16, 16, 32, 32, 96, 96, 256, plan.channels};
  for (int64_t i = 0; i < 8; ++i) body.layer(dot("input_hint_block", 2 * i), {hint[i + 1], hint[i], 3, 3});
  for (size_t i = 0; i < skips.size(); ++i)
    body.layer(dot("zero_convs", static_cast<int64_t>(i)) + ".0", {skips[i], skips[i], 1, 1});
  body.layer("middle_block_out.0", {skips.back(), skips.back(), 1, 1});
  Manifest m;
  m.append(body, "control_model.");
  return m;
}

Manifest ip_layers(const Manifest& unet, int64_t context) {
  Manifest m;
  int64_t number = 1;  // the first cross-attention; each has a self-attention before it, which is counted too
  for (const char* part : {"input_blocks", "output_blocks", "middle_block"})
    for (const auto& [name, shape] : unet) {
      if (name.find(part) == std::string::npos || !name.ends_with("attn2.to_k.weight")) continue;
      for (const char* what : {".to_k_ip.weight", ".to_v_ip.weight"})
        m.add(dot("ip_adapter", number) + what, {shape[0], context});
      number += 2;
    }
  return m;
}

}  // namespace easel::synth
