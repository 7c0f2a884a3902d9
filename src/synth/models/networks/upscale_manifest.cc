#include "synth/models/networks/upscale_manifest.h"

namespace easel::synth {
namespace {

constexpr int64_t kColours = 3;

void closing(Manifest& m, const std::string& name, int64_t width, bool narrow) {
  if (!narrow) {
    m.layer(name, {width, width, 3, 3});
    return;
  }
  m.layer(name + ".0", {width / 4, width, 3, 3});
  m.layer(name + ".2", {width / 4, width / 4, 1, 1});
  m.layer(name + ".4", {width, width / 4, 3, 3});
}

void painting(Manifest& m, int64_t width, int64_t features, int64_t scale, Painting how) {
  if (how == Painting::kDirect) {
    m.layer("upsample.0", {kColours * scale * scale, width, 3, 3});
    return;
  }
  if (how == Painting::kDifference) {
    m.layer("conv_last", {kColours, width, 3, 3});
    return;
  }
  m.layer("conv_before_upsample.0", {features, width, 3, 3});
  const int64_t step = scale == 3 ? 3 : 2;
  for (int64_t done = 1, i = 0; done < scale; done *= step, ++i) {
    if (how == Painting::kNearest) m.layer("conv_up" + std::to_string(i + 1), {features, features, 3, 3});
    else m.layer("upsample." + std::to_string(2 * i), {features * step * step, features, 3, 3});
  }
  if (how == Painting::kNearest) m.layer("conv_hr", {features, features, 3, 3});
  m.layer("conv_last", {kColours, features, 3, 3});
}

void feed(Manifest& m, const std::string& block, int64_t width) {
  m.norm(block + ".norm2", width);
  m.layer(block + ".mlp.fc1", {2 * width, width});
  m.layer(block + ".mlp.fc2", {width, 2 * width});
}

Manifest swin(const SwinPlan& plan, bool hybrid) {
  const int64_t d = plan.width, along = 2 * plan.window - 1;
  Manifest m;
  m.layer("conv_first", {d, kColours, 3, 3});
  m.norm("patch_embed.norm", d);
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    const std::string group = "layers." + std::to_string(i);
    for (int n = 0; n < plan.groups[i]; ++n) {
      const std::string block = group + ".residual_group.blocks." + std::to_string(n);
      m.norm(block + ".norm1", d);
      m.add(block + ".attn.relative_position_bias_table", {along * along, plan.heads});
      m.layer(block + ".attn.qkv", {3 * d, d});
      m.layer(block + ".attn.proj", {d, d});
      if (hybrid) {
        const std::string cab = block + ".conv_block.cab.";
        m.layer(cab + "0", {d / 3, d, 3, 3});
        m.layer(cab + "2", {d, d / 3, 3, 3});
        m.layer(cab + "3.attention.1", {d / 6, d, 1, 1});
        m.layer(cab + "3.attention.3", {d, d / 6, 1, 1});
      }
      feed(m, block, d);
    }
    if (hybrid) {
      const std::string overlap = group + ".residual_group.overlap_attn";
      const int64_t ways = plan.window + plan.window * 3 / 2 - 1;
      m.add(overlap + ".relative_position_bias_table", {ways * ways, plan.heads});
      m.norm(overlap + ".norm1", d);
      m.layer(overlap + ".qkv", {3 * d, d});
      m.layer(overlap + ".proj", {d, d});
      feed(m, overlap, d);
    }
    closing(m, group + ".conv", d, plan.narrow);
  }
  m.norm("norm", d);
  closing(m, "conv_after_body", d, plan.narrow);
  painting(m, d, plan.features, plan.scale, plan.painting);
  return m;
}

void batch_norm(Manifest& m, const std::string& name, int64_t width) {
  m.norm(name, width);
  m.add(name + ".running_mean", {width});
  m.add(name + ".running_var", {width});
}

}  // namespace

Manifest swin_ir(const SwinPlan& plan) { return swin(plan, false); }
Manifest hat(const SwinPlan& plan) { return swin(plan, true); }

Manifest dat(const DatPlan& plan) {
  const int64_t d = plan.width, few = d / 8, fewest = d / 16;
  Manifest m;
  m.layer("conv_first", {d, kColours, 3, 3});
  m.norm("before_RG.1", d);
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    const std::string group = "layers." + std::to_string(i);
    for (int n = 0; n < plan.groups[i]; ++n) {
      const std::string block = group + ".blocks." + std::to_string(n), a = block + ".attn";
      m.norm(block + ".norm1", d);
      m.layer(a + ".qkv", {3 * d, d});
      m.layer(a + ".proj", {d, d});
      if (n % 2 == 1) m.add(a + ".temperature", {plan.heads, 1, 1});
      for (int k = 0; n % 2 == 0 && k < 2; ++k) {
        const std::string half = a + ".attns." + std::to_string(k), pos = half + ".pos.";
        m.add(half + ".rpe_biases", {(2 * plan.window[0] - 1) * (2 * plan.window[1] - 1), 2});
        m.layer(pos + "pos_proj", {plan.inner, 2});
        for (const auto& [name, out] :
             {std::pair{"pos1", plan.inner}, std::pair{"pos2", plan.inner}, std::pair{"pos3", plan.heads / 2}}) {
          m.norm(pos + name + ".0", plan.inner);
          m.layer(pos + name + ".2", {out, plan.inner});
        }
      }
      m.layer(a + ".dwconv.0", {d, 1, 3, 3});
      batch_norm(m, a + ".dwconv.1", d);
      m.layer(a + ".channel_interaction.1", {few, d, 1, 1});
      batch_norm(m, a + ".channel_interaction.2", few);
      m.layer(a + ".channel_interaction.4", {d, few, 1, 1});
      m.layer(a + ".spatial_interaction.0", {fewest, d, 1, 1});
      batch_norm(m, a + ".spatial_interaction.1", fewest);
      m.layer(a + ".spatial_interaction.3", {1, fewest, 1, 1});
      m.norm(block + ".norm2", d);
      m.layer(block + ".ffn.fc1", {4 * d, d});
      m.norm(block + ".ffn.sg.norm", 2 * d);
      m.layer(block + ".ffn.sg.conv", {2 * d, 1, 3, 3});
      m.layer(block + ".ffn.fc2", {d, 2 * d});
    }
    closing(m, group + ".conv", d, false);
  }
  m.norm("norm", d);
  closing(m, "conv_after_body", d, false);
  painting(m, d, plan.features, plan.scale, Painting::kPixels);
  return m;
}

Manifest omni_sr(const OmniPlan& plan) {
  const int64_t d = plan.width, along = 2 * plan.window - 1;
  constexpr int64_t kHeads = 4;
  Manifest m;
  for (int64_t i = 0; i < plan.groups; ++i) {
    const std::string group = "residual_layer." + std::to_string(i), list = group + ".residual_layer.";
    for (int64_t n = 0; n < plan.blocks; ++n) {
      const std::string b = list + std::to_string(n) + ".layer.";
      m.layer(b + "0.fn.0", {d, d, 1, 1});
      m.layer(b + "0.fn.2", {d, 1, 3, 3});
      m.add(b + "0.fn.4.gate.1.weight", {d / 4, d});
      m.add(b + "0.fn.4.gate.3.weight", {d, d / 4});
      m.layer(b + "0.fn.5", {d, d, 1, 1});
      for (int k = 2; k <= 12; ++k) {
        const std::string p = b + std::to_string(k);
        if (k == 2 || k == 8) {
          m.norm(p + ".norm", d);
          m.add(p + ".fn.to_qkv.weight", {3 * d, d});
          m.add(p + ".fn.to_out.0.weight", {d, d});
          m.add(p + ".fn.rel_pos_bias.weight", {along * along, kHeads});
        } else if (k == 5 || k == 11) {
          m.norm(p + ".norm", d);
          m.add(p + ".fn.temperature", {kHeads, 1, 1});
          m.add(p + ".fn.qkv.weight", {3 * d, d, 1, 1});
          m.add(p + ".fn.qkv_dwconv.weight", {3 * d, 1, 3, 3});
          m.add(p + ".fn.project_out.weight", {d, d, 1, 1});
        } else if (k % 2 == 0) {
          m.norm(p + ".norm", d);
          m.add(p + ".fn.project_in.weight", {2 * d, d, 1, 1});
          m.add(p + ".fn.dwconv.weight", {2 * d, 1, 3, 3});
          m.add(p + ".fn.project_out.weight", {d, d, 1, 1});
        }
      }
    }
    m.layer(list + std::to_string(plan.blocks), {d, d, 1, 1});
    const std::string esa = group + ".esa.";
    m.layer(esa + "conv1", {plan.narrow, d, 1, 1});
    m.layer(esa + "conv_f", {plan.narrow, plan.narrow, 1, 1});
    m.layer(esa + "conv2", {plan.narrow, plan.narrow, 3, 3});
    m.layer(esa + "conv3", {plan.narrow, plan.narrow, 3, 3});
    m.layer(esa + "conv4", {d, plan.narrow, 1, 1});
  }
  m.layer("input", {d, kColours, 3, 3});
  m.layer("output", {d, d, 3, 3});
  m.layer("up.0", {kColours * plan.scale * plan.scale, d, 3, 3});
  return m;
}

}  // namespace easel::synth
