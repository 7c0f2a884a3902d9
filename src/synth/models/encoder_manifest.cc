#include "synth/models/manifest.h"

namespace easel::synth {
namespace {

std::string dot(const std::string& a, int64_t i) { return a + "." + std::to_string(i); }

void vae_block(Manifest& m, const std::string& p, int64_t in, int64_t out) {
  m.norm(p + ".norm1", in);
  m.layer(p + ".conv1", {out, in, 3, 3});
  m.norm(p + ".norm2", out);
  m.layer(p + ".conv2", {out, out, 3, 3});
  if (in != out) m.layer(p + ".nin_shortcut", {out, in, 1, 1});
}

void vae_middle(Manifest& m, const std::string& p, int64_t width) {
  vae_block(m, p + ".block_1", width, width);
  m.norm(p + ".attn_1.norm", width);
  for (const char* part : {".q", ".k", ".v", ".proj_out"}) m.layer(p + ".attn_1" + part, {width, width, 1, 1});
  vae_block(m, p + ".block_2", width, width);
}

// A block of TAESD, number `at` of its list of layers.
void tiny_block(Manifest& m, int64_t at, int64_t channels) {
  for (const char* part : {".conv.0", ".conv.2", ".conv.4"})
    m.layer(std::to_string(at) + part, {channels, channels, 3, 3});
}

// Layers of CLIP in the transformers library's layout.
void clip_layers(Manifest& m, const std::string& prefix, int64_t width, int layers, int64_t mlp) {
  for (int i = 0; i < layers; ++i) {
    const std::string p = dot(prefix + "encoder.layers", i);
    for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"})
      m.layer(p + ".self_attn" + part, {width, width});
    m.norm(p + ".layer_norm1", width);
    m.norm(p + ".layer_norm2", width);
    m.layer(p + ".mlp.fc1", {mlp, width});
    m.layer(p + ".mlp.fc2", {width, mlp});
  }
}

// Layers of CLIP in OpenCLIP's layout.
void resblocks(Manifest& m, int64_t width, int layers, int64_t mlp) {
  for (int i = 0; i < layers; ++i) {
    const std::string p = dot("transformer.resblocks", i);
    m.add(p + ".attn.in_proj_weight", {3 * width, width});
    m.add(p + ".attn.in_proj_bias", {3 * width});
    m.layer(p + ".attn.out_proj", {width, width});
    m.norm(p + ".ln_1", width);
    m.norm(p + ".ln_2", width);
    m.layer(p + ".mlp.c_fc", {mlp, width});
    m.layer(p + ".mlp.c_proj", {width, mlp});
  }
}

}  // namespace

Manifest vae(int64_t channels) {
  constexpr int64_t kMult[] = {1, 2, 4, 4};
  Manifest m;
  m.layer("encoder.conv_in", {channels, 3, 3, 3});
  int64_t width = channels;
  for (int level = 0; level < 4; ++level) {
    const std::string p = dot("encoder.down", level);
    for (int i = 0; i < 2; ++i) {
      vae_block(m, dot(p + ".block", i), width, channels * kMult[level]);
      width = channels * kMult[level];
    }
    if (level < 3) m.layer(p + ".downsample.conv", {width, width, 3, 3});
  }
  vae_middle(m, "encoder.mid", width);
  m.norm("encoder.norm_out", width);
  m.layer("encoder.conv_out", {8, width, 3, 3});

  m.layer("decoder.conv_in", {width, 4, 3, 3});
  vae_middle(m, "decoder.mid", width);
  // Level 0 runs last; the input of a level is the output of the one above.
  for (int level = 0; level < 4; ++level) {
    const std::string p = dot("decoder.up", level);
    int64_t in = channels * kMult[level < 3 ? level + 1 : 3];
    width = channels * kMult[level];
    for (int i = 0; i < 3; ++i, in = width) vae_block(m, dot(p + ".block", i), in, width);
    if (level > 0) m.layer(p + ".upsample.conv", {width, width, 3, 3});
  }
  m.norm("decoder.norm_out", channels);
  m.layer("decoder.conv_out", {3, channels, 3, 3});
  m.layer("quant_conv", {8, 8, 1, 1});
  m.layer("post_quant_conv", {4, 4, 1, 1});
  return m;
}

Manifest tiny_encoder(int64_t channels) {
  Manifest m;
  int64_t at = 0;
  m.layer(std::to_string(at), {channels, 3, 3, 3});
  tiny_block(m, ++at, channels);
  for (int level = 0; level < 3; ++level) {
    m.add(std::to_string(++at) + ".weight", {channels, channels, 3, 3});
    for (int i = 0; i < 3; ++i) tiny_block(m, ++at, channels);
  }
  m.layer(std::to_string(++at), {4, channels, 3, 3});
  return m;
}

Manifest tiny_decoder(int64_t channels) {
  Manifest m;
  int64_t at = 1;  // 0 and 2 have no weights
  m.layer(std::to_string(at++), {channels, 4, 3, 3});
  for (int level = 0; level < 3; ++level) {
    for (int i = 0; i < 3; ++i) tiny_block(m, ++at, channels);
    at += 2;  // the doubling has none
    m.add(std::to_string(at) + ".weight", {channels, channels, 3, 3});
  }
  tiny_block(m, ++at, channels);
  m.layer(std::to_string(++at), {3, channels, 3, 3});
  return m;
}

Manifest clip_text(int64_t width, int layers) {
  Manifest m;
  m.add("text_model.embeddings.token_embedding.weight", {49408, width});
  m.add("text_model.embeddings.position_embedding.weight", {77, width});
  clip_layers(m, "text_model.", width, layers, 4 * width);
  m.norm("text_model.final_layer_norm", width);
  return m;
}

Manifest openclip_text(int64_t width, int layers) {
  Manifest m;
  m.add("token_embedding.weight", {49408, width});
  m.add("positional_embedding", {77, width});
  m.add("text_projection", {width, width});
  m.norm("ln_final", width);
  m.add("logit_scale", {});
  resblocks(m, width, layers, 4 * width);
  return m;
}

Manifest clip_vision(int64_t width, int layers, int64_t projection, int64_t mlp) {
  Manifest m;
  const std::string p = "vision_model.";
  m.add(p + "embeddings.class_embedding", {width});
  m.add(p + "embeddings.patch_embedding.weight", {width, 3, 14, 14});
  m.add(p + "embeddings.position_embedding.weight", {257, width});
  m.norm(p + "pre_layrnorm", width);  // the published misspelling
  m.norm(p + "post_layernorm", width);
  clip_layers(m, p, width, layers, mlp);
  m.add("visual_projection.weight", {projection, width});
  return m;
}

Manifest openclip_vision(int64_t width, int layers, int64_t projection, int64_t mlp) {
  Manifest m;
  m.add("class_embedding", {width});
  m.add("positional_embedding", {257, width});
  m.add("proj", {width, projection});
  m.add("conv1.weight", {width, 3, 14, 14});
  m.norm("ln_pre", width);
  m.norm("ln_post", width);
  resblocks(m, width, layers, mlp);
  return m;
}

Manifest style_adapter(int64_t width, int64_t context) {
  Manifest m;
  m.add("style_embedding", {1, 8, width});
  m.add("proj", {width, context});
  m.norm("ln_post", width);
  m.norm("ln_pre", width);
  for (int i = 0; i < 3; ++i) {
    const std::string p = dot("transformer_layes", i);  // the published misspelling
    m.add(p + ".attn.in_proj_weight", {3 * width, width});
    m.add(p + ".attn.in_proj_bias", {3 * width});
    m.layer(p + ".attn.out_proj", {width, width});
    m.norm(p + ".ln_1", width);
    m.layer(p + ".mlp.c_fc", {4 * width, width});
    m.layer(p + ".mlp.c_proj", {width, 4 * width});
    m.norm(p + ".ln_2", width);
  }
  return m;
}

Manifest ip_linear(int64_t embedding, int64_t context) {
  Manifest m;
  m.layer("image_proj.proj", {4 * context, embedding});
  m.norm("image_proj.norm", context);
  return m;
}

Manifest ip_resampler(int64_t width, int64_t embedding, int64_t context, int heads) {
  const int64_t inner = int64_t{64} * heads;
  Manifest m;
  m.add("image_proj.latents", {1, 16, width});
  m.layer("image_proj.proj_in", {width, embedding});
  m.layer("image_proj.proj_out", {context, width});
  m.norm("image_proj.norm_out", context);
  for (int i = 0; i < 4; ++i) {
    const std::string p = dot("image_proj.layers", i);
    m.norm(p + ".0.norm1", width);
    m.norm(p + ".0.norm2", width);
    m.add(p + ".0.to_q.weight", {inner, width});
    m.add(p + ".0.to_kv.weight", {2 * inner, width});
    m.add(p + ".0.to_out.weight", {width, inner});
    m.norm(p + ".1.0", width);
    m.add(p + ".1.1.weight", {4 * width, width});
    m.add(p + ".1.3.weight", {width, 4 * width});
  }
  return m;
}

}  // namespace easel::synth
