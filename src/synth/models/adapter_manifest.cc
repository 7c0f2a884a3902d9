#include <iterator>

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

}  // namespace easel::synth
