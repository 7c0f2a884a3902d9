// Networks that make hints for ControlNets, and one that enlarges latents.
#include "synth/models/manifest.h"

namespace easel::synth {
namespace {

constexpr int kStages = 6;

void conv(Manifest& m, const std::string& name, int64_t& in, int64_t out, int64_t window) {
  m.layer(name, {out, in, window, window});
  in = out;
}

// The first layers of OpenPose's networks. Returns their width.
int64_t pose_trunk(Manifest& m, int64_t channels) {
  int64_t in = 3;
  for (const char* name : {"conv1_1", "conv1_2"}) conv(m, name, in, channels, 3);
  for (const char* name : {"conv2_1", "conv2_2"}) conv(m, name, in, 2 * channels, 3);
  for (const char* name : {"conv3_1", "conv3_2", "conv3_3", "conv3_4"}) conv(m, name, in, 4 * channels, 3);
  for (const char* name : {"conv4_1", "conv4_2"}) conv(m, name, in, 8 * channels, 3);
  return in;
}

void pose_stage(Manifest& m, int stage, const std::string& ending, int64_t in, int64_t width, int64_t out) {
  for (int i = 1; i <= 7; ++i)
    conv(m, "Mconv" + std::to_string(i) + "_stage" + std::to_string(stage) + ending, in, i == 7 ? out : width,
         i <= 5 ? 7 : 1);
}

// DPT's layers that bring four levels to one width and join them, coarse ones first.
void fuse_levels(Manifest& m, const std::string& scratch, const DepthPlan& plan) {
  const int64_t f = plan.features;
  for (size_t i = 0; i < plan.projected.size(); ++i)
    m.add(scratch + "layer" + std::to_string(i + 1) + "_rn.weight", {f, plan.projected[i], 3, 3});
  for (int i = 1; i <= 4; ++i) {
    const std::string p = scratch + "refinenet" + std::to_string(i);
    m.layer(p + ".out_conv", {f, f, 1, 1});
    for (const char* unit : {".resConfUnit1", ".resConfUnit2"})
      for (const char* layer : {".conv1", ".conv2"}) m.layer(p + unit + layer, {f, f, 3, 3});
  }
}

}  // namespace

Manifest pose_of_bodies(int64_t channels) {
  Manifest m;
  int64_t width = pose_trunk(m, channels);
  conv(m, "conv4_3_CPM", width, 4 * channels, 3);
  conv(m, "conv4_4_CPM", width, 2 * channels, 3);
  constexpr int64_t kFields = 38, kHeat = 19;
  for (const auto& [ending, out] : {std::pair{"_L1", kFields}, std::pair{"_L2", kHeat}}) {
    int64_t in = width;
    for (int i = 1; i <= 5; ++i)
      conv(m, "conv5_" + std::to_string(i) + "_CPM" + ending, in,
           i == 5   ? out
           : i == 4 ? 8 * channels
                    : width,
           i <= 3 ? 3 : 1);
    for (int s = 2; s <= kStages; ++s) pose_stage(m, s, ending, kFields + kHeat + width, width, out);
  }
  return m;
}

Manifest pose_of_parts(int64_t channels, int64_t parts) {
  Manifest m;
  int64_t width = pose_trunk(m, channels);
  for (const char* name : {"conv4_3", "conv4_4", "conv5_1", "conv5_2"}) conv(m, name, width, 8 * channels, 3);
  conv(m, "conv5_3_CPM", width, 2 * channels, 3);
  int64_t in = width;
  conv(m, "conv6_1_CPM", in, 8 * channels, 1);
  conv(m, "conv6_2_CPM", in, parts, 1);
  for (int s = 2; s <= kStages; ++s) pose_stage(m, s, "", parts + width, width, parts);
  return m;
}

Manifest depth_anything(const DepthPlan& plan) {
  constexpr int64_t kPatch = 14, kGrid = 37, kLast = 32;
  const int64_t d = plan.width, f = plan.features;
  Manifest m;
  const std::string tower = "pretrained.";
  m.add(tower + "cls_token", {1, 1, d});
  m.add(tower + "pos_embed", {1, kGrid * kGrid + 1, d});
  m.add(tower + "mask_token", {1, d});
  m.layer(tower + "patch_embed.proj", {d, 3, kPatch, kPatch});
  for (int64_t i = 0; i < plan.layers; ++i) {
    const std::string p = tower + "blocks." + std::to_string(i);
    m.norm(p + ".norm1", d);
    m.layer(p + ".attn.qkv", {3 * d, d});
    m.layer(p + ".attn.proj", {d, d});
    m.add(p + ".ls1.gamma", {d});
    m.norm(p + ".norm2", d);
    m.layer(p + ".mlp.fc1", {4 * d, d});
    m.layer(p + ".mlp.fc2", {d, 4 * d});
    m.add(p + ".ls2.gamma", {d});
  }
  m.norm(tower + "norm", d);
  const std::string head = "depth_head.", scratch = head + "scratch.";
  for (size_t i = 0; i < plan.projected.size(); ++i)
    m.layer(head + "projects." + std::to_string(i), {plan.projected[i], d, 1, 1});
  m.layer(head + "resize_layers.0", {plan.projected[0], plan.projected[0], 4, 4});
  m.layer(head + "resize_layers.1", {plan.projected[1], plan.projected[1], 2, 2});
  m.layer(head + "resize_layers.3", {plan.projected[3], plan.projected[3], 3, 3});
  fuse_levels(m, scratch, plan);
  m.layer(scratch + "output_conv1", {f / 2, f, 3, 3});
  m.layer(scratch + "output_conv2.0", {kLast, f / 2, 3, 3});
  m.layer(scratch + "output_conv2.2", {1, kLast, 1, 1});
  return m;
}

Manifest zoe_depth(const DepthPlan& plan) {
  constexpr int64_t kPatch = 16, kGrid = 24, kHead = 64, kLast = 32, kBins = 64;
  constexpr int64_t kDistances = (2 * kGrid - 1) * (2 * kGrid - 1) + 3;
  const int64_t d = plan.width, f = plan.features, embedding = f / 2;
  Manifest m;
  const std::string tower = "core.core.pretrained.model.", scratch = "core.core.scratch.";
  m.add(tower + "cls_token", {1, 1, d});
  m.layer(tower + "patch_embed.proj", {d, 3, kPatch, kPatch});
  for (int64_t i = 0; i < plan.layers; ++i) {
    const std::string p = tower + "blocks." + std::to_string(i);
    m.add(p + ".gamma_1", {d});
    m.add(p + ".gamma_2", {d});
    m.norm(p + ".norm1", d);
    m.add(p + ".attn.q_bias", {d});
    m.add(p + ".attn.v_bias", {d});
    m.add(p + ".attn.relative_position_bias_table", {kDistances, d / kHead});
    m.add(p + ".attn.qkv.weight", {3 * d, d});
    m.layer(p + ".attn.proj", {d, d});
    m.norm(p + ".norm2", d);
    m.layer(p + ".mlp.fc1", {4 * d, d});
    m.layer(p + ".mlp.fc2", {d, 4 * d});
  }
  for (size_t i = 0; i < plan.projected.size(); ++i) {
    const std::string p = "core.core.pretrained.act_postprocess" + std::to_string(i + 1);
    const int64_t out = plan.projected[i];
    m.layer(p + ".0.project.0", {d, 2 * d});
    m.layer(p + ".3", {out, d, 1, 1});
    const int64_t window = i == 0 ? 4 : i == 1 ? 2 : 3;
    if (i != 2) m.layer(p + ".4", {out, out, window, window});
  }
  fuse_levels(m, scratch, plan);
  m.layer(scratch + "output_conv.0", {f / 2, f, 3, 3});
  m.layer(scratch + "output_conv.2", {kLast, f / 2, 3, 3});
  m.layer(scratch + "output_conv.4", {1, kLast, 1, 1});
  const auto pair = [&](const std::string& name, int64_t in, int64_t hidden, int64_t out) {
    m.layer(name + ".0", {hidden, in, 1, 1});
    m.layer(name + ".2", {out, hidden, 1, 1});
  };
  m.layer("conv2", {f, f, 1, 1});
  pair("seed_bin_regressor._net", f, f, kBins);
  pair("seed_projector._net", f, embedding, embedding);
  constexpr std::array<int64_t, 4> kAttractors{16, 8, 4, 1};
  for (size_t i = 0; i < kAttractors.size(); ++i) {
    const std::string n = std::to_string(i);
    pair("projectors." + n + "._net", f, embedding, embedding);
    pair("attractors." + n + "._net", embedding, embedding, kAttractors[i]);
  }
  pair("conditional_log_binomial.mlp", kLast + 1 + embedding, (kLast + 1 + embedding) / 2, 4);
  return m;
}

Manifest soft_edges(int64_t channels) {
  constexpr std::array<int64_t, 5> kConvs{2, 2, 3, 3, 3}, kTimes{1, 2, 4, 8, 8};
  Manifest m;
  m.add("norm", {1, 3, 1, 1});
  int64_t in = 3;
  for (size_t i = 0; i < kConvs.size(); ++i) {
    const std::string p = "block" + std::to_string(i + 1);
    for (int64_t n = 0; n < kConvs[i]; ++n) conv(m, p + ".convs." + std::to_string(n), in, kTimes[i] * channels, 3);
    m.layer(p + ".projection", {1, in, 1, 1});
  }
  return m;
}

Manifest segment_anything(const SegmentPlan& plan) {
  constexpr int64_t kPatch = 16;
  Manifest m;
  const int64_t width = plan.width, of_head = width / plan.heads, d = plan.decoder;
  const std::string encoder = "image_encoder.", prompts = "prompt_encoder.", decoder = "mask_decoder.";
  m.add(encoder + "pos_embed", {1, plan.side, plan.side, width});
  m.layer(encoder + "patch_embed.proj", {width, 3, kPatch, kPatch});
  for (size_t i = 0; i < plan.windows.size(); ++i) {
    const std::string p = encoder + "blocks." + std::to_string(i);
    m.norm(p + ".norm1", width);
    for (const char* table : {".attn.rel_pos_h", ".attn.rel_pos_w"})
      m.add(p + table, {2 * plan.windows[i] - 1, of_head});
    m.layer(p + ".attn.qkv", {3 * width, width});
    m.layer(p + ".attn.proj", {width, width});
    m.norm(p + ".norm2", width);
    m.layer(p + ".mlp.lin1", {4 * width, width});
    m.layer(p + ".mlp.lin2", {width, 4 * width});
  }
  m.add(encoder + "neck.0.weight", {d, width, 1, 1});
  m.norm(encoder + "neck.1", d);
  m.add(encoder + "neck.2.weight", {d, d, 3, 3});
  m.norm(encoder + "neck.3", d);
  m.add(prompts + "pe_layer.positional_encoding_gaussian_matrix", {2, d / 2});
  for (int i = 0; i < 4; ++i) m.add(prompts + "point_embeddings." + std::to_string(i) + ".weight", {1, d});
  m.add(prompts + "not_a_point_embed.weight", {1, d});
  m.add(prompts + "no_mask_embed.weight", {1, d});
  const auto attention = [&](const std::string& p, int64_t inner) {
    for (const char* part : {".q_proj", ".k_proj", ".v_proj"}) m.layer(p + part, {inner, d});
    m.layer(p + ".out_proj", {d, inner});
  };
  const auto chain = [&](const std::string& p, int64_t out) {
    for (int i = 0; i < 3; ++i) m.layer(p + ".layers." + std::to_string(i), {i == 2 ? out : d, d});
  };
  for (int i = 0; i < 2; ++i) {
    const std::string p = decoder + "transformer.layers." + std::to_string(i);
    attention(p + ".self_attn", d);
    m.norm(p + ".norm1", d);
    attention(p + ".cross_attn_token_to_image", d / 2);
    m.norm(p + ".norm2", d);
    m.layer(p + ".mlp.lin1", {plan.hidden, d});
    m.layer(p + ".mlp.lin2", {d, plan.hidden});
    m.norm(p + ".norm3", d);
    m.norm(p + ".norm4", d);
    attention(p + ".cross_attn_image_to_token", d / 2);
  }
  attention(decoder + "transformer.final_attn_token_to_image", d / 2);
  m.norm(decoder + "transformer.norm_final_attn", d);
  m.add(decoder + "iou_token.weight", {1, d});
  m.add(decoder + "mask_tokens.weight", {4, d});
  m.add(decoder + "output_upscaling.0.weight", {d, d / 4, 2, 2});
  m.add(decoder + "output_upscaling.0.bias", {d / 4});
  m.norm(decoder + "output_upscaling.1", d / 4);
  m.add(decoder + "output_upscaling.3.weight", {d / 4, d / 8, 2, 2});
  m.add(decoder + "output_upscaling.3.bias", {d / 8});
  for (int i = 0; i < 4; ++i) chain(decoder + "output_hypernetworks_mlps." + std::to_string(i), d / 8);
  chain(decoder + "iou_prediction_head", 4);
  return m;
}

Manifest latent_resizer(int64_t channels, int64_t blocks) {
  constexpr int64_t kEmbedding = 32, kLatent = 4;
  Manifest m;
  m.layer("conv_in", {channels, kLatent, 3, 3});
  m.layer("embed.0", {kEmbedding, 1});
  m.layer("embed.2", {kEmbedding, kEmbedding});
  for (const char* part : {"in_blocks.", "out_blocks."}) {
    int64_t at = 0;
    for (int64_t i = 0; i < blocks; ++i) {
      if (i == 1 || i == blocks - 1) {
        const std::string p = part + std::to_string(at++);
        m.norm(p + ".norm", channels);
        for (const char* layer : {".q", ".k", ".v", ".proj_out"}) m.layer(p + layer, {channels, channels, 1, 1});
      }
      const std::string p = part + std::to_string(at++);
      m.norm(p + ".in_layers.0", channels);
      m.layer(p + ".in_layers.2", {channels, channels, 3, 3});
      m.layer(p + ".emb_layers.1", {channels, kEmbedding});
      m.norm(p + ".out_layers.0", channels);
      m.layer(p + ".out_layers.3", {channels, channels, 3, 3});
    }
  }
  m.norm("norm_out", channels);
  m.layer("conv_out", {kLatent, channels, 3, 3});
  return m;
}

}  // namespace easel::synth
