#include "models/hints/depth_anything.h"

#include <algorithm>
#include <cmath>

#include "image/scale/aligned.h"
#include "image/scale/keys_cubic.h"
#include "models/hints/dpt.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

using dpt::between_corners, dpt::conv, dpt::Enlargement, dpt::Fusion, dpt::linear, dpt::norm, dpt::Patches;

constexpr int64_t kHeadWidth = 64, kLastWidth = 32, kSide = 518;  // pixels of the shorter side, where it computes

struct Block {
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, fc1, fc2;
  Tensor scale1, scale2;  // of what is added, [1,1,width]
  size_t bytes() const { return qkv.bytes() + out.bytes() + fc1.bytes() + fc2.bytes(); }
};

// `to` places of torch's bicubic interpolation of `from` ones for a factor that is given, which need not be their
// ratio.
ops::Taps cubic_taps(int64_t from, int64_t to, double factor) {
  const auto step = static_cast<float>(1.0 / factor);
  ops::Taps taps;
  taps.count = 4;
  for (int64_t i = 0; i < to; ++i) {
    const float at = step * (static_cast<float>(i) + 0.5f) - 0.5f, floor = std::floor(at), x = at - floor;
    for (const float distance : {x + 1, x, 1 - x, 2 - x}) taps.weight.push_back(image::keys_cubic(distance));
    for (int64_t k = -1; k < taps.count - 1; ++k)
      taps.index.push_back(std::clamp<int64_t>(static_cast<int64_t>(floor) + k, 0, from - 1));
  }
  return taps;
}

}  // namespace

const char* DepthConfig::name() const { return layers > 12 ? "ViT-L/14" : width > 384 ? "ViT-B/14" : "ViT-S/14"; }

bool is_depth_network(const StoredTensors& file) {
  return file.contains("pretrained.pos_embed") && file.contains("depth_head.scratch.output_conv1.weight");
}

DepthConfig read_depth_config(const nn::Weights& w) {
  const nn::Weights tower = w["pretrained"], head = w["depth_head"];
  const Shape patch = shape_of_rank(tower, "patch_embed.proj.weight", 4),
              positions = shape_of_rank(tower, "pos_embed", 3);
  DepthConfig c;
  c.width = patch[0];
  c.patch = patch[2];
  c.heads = c.width / kHeadWidth;
  c.layers = numbered_children(tower["blocks"]);
  c.features = shape_of_rank(head, "scratch.output_conv1.weight", 4)[1];
  for (size_t i = 0; i < c.projected.size(); ++i)
    c.projected[i] = shape_of_rank(head["projects"][static_cast<int64_t>(i)], "weight", 4)[0];
  if (tower["blocks"][0].has("mlp.w12.weight"))
    throw Error(Fault::kUnsupported,
                "is a network of Depth Anything with gated layers (ViT-g), which Easel does not run")
        .in_file(w.file())
        .fix("Choose depth_anything_v2_vits.pth, depth_anything_v2_vitb.pth or depth_anything_v2_vitl.pth");
  constexpr int64_t kShallow = 12, kDeep = 24;
  if (c.layers != kShallow && c.layers != kDeep)
    throw Error(Fault::kUnsupported, "is a network of Depth Anything of " + std::to_string(c.layers) +
                                         " layers: Easel runs those of 12 and 24")
        .in_file(w.file());
  c.kept = c.layers == kShallow ? std::array<int64_t, 4>{2, 5, 8, 11} : std::array<int64_t, 4>{4, 11, 17, 23};
  c.grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(positions[1] - 1, 0)))));
  constexpr int64_t kLargestGrid = 256, kLargestPatch = 64;
  if (patch[1] != 3 || patch[3] != c.patch || c.patch > kLargestPatch || positions[0] != 1 || positions[2] != c.width ||
      c.grid < 1 || c.grid > kLargestGrid || c.grid * c.grid + 1 != positions[1] || c.width % kHeadWidth != 0)
    throw Error(Fault::kBadFile, "patch embedding " + patch.str() + " and positions " + positions.str() +
                                     " are not those of Depth Anything")
        .in_file(w.file());
  return c;
}

struct DepthNetwork::Impl {
  explicit Impl(const nn::Weights& w) : config(read_depth_config(w)), device(w.packer().device()) {
    const nn::Weights tower = w["pretrained"], head = w["depth_head"], scratch = head["scratch"];
    const int64_t width = config.width, patch = config.patch, f = config.features;
    class_row = checked_parameter(tower, "cls_token", {1, 1, width});
    positions = checked_parameter(tower, "pos_embed", {1, config.grid * config.grid + 1, width});
    patches = Patches(tower["patch_embed"]["proj"], width, patch);
    for (int64_t i = 0; i < config.layers; ++i) add_block(tower["blocks"][i]);
    last_norm = norm(tower["norm"], width);
    for (size_t i = 0; i < projects.size(); ++i)
      projects[i] = conv(head["projects"][static_cast<int64_t>(i)], width, config.projected[i], 1);
    four_times = Enlargement(head["resize_layers"][0], config.projected[0], 4);
    twice = Enlargement(head["resize_layers"][1], config.projected[1], 2);
    half = conv(head["resize_layers"][3], config.projected[3], config.projected[3], 3, true, 2);
    for (size_t i = 0; i < narrow.size(); ++i) {
      const std::string n = std::to_string(i + 1);
      narrow[i] = conv(scratch["layer" + n + "_rn"], config.projected[i], f, 3, /*bias=*/false);
      fusions[i] = Fusion(scratch["refinenet" + n], f, i + 1 < narrow.size());
    }
    out1 = conv(scratch["output_conv1"], f, f / 2, 3);
    out2 = conv(scratch["output_conv2"][0], f / 2, kLastWidth, 3);
    out3 = conv(scratch["output_conv2"][2], kLastWidth, 1, 1);
    w.require_all();
  }

  void add_block(const nn::Weights& w) {
    const int64_t width = config.width;
    const auto hidden_shape = w["mlp"]["fc1"].shape("weight");
    const int64_t hidden = hidden_shape && hidden_shape->rank() == 2 ? (*hidden_shape)[0] : 0;
    const auto scale = [&](const char* name) {
      const Tensor values = checked_parameter(w[name], "gamma", {width});
      return values.defined() ? values.view({1, 1, width}) : values;
    };
    Block block;
    block.norm1 = norm(w["norm1"], width);
    block.qkv = linear(w["attn"]["qkv"], width, 3 * width);
    block.out = linear(w["attn"]["proj"], width, width);
    block.scale1 = scale("ls1");
    block.norm2 = norm(w["norm2"], width);
    block.fc1 = linear(w["mlp"]["fc1"], width, hidden);
    block.fc2 = linear(w["mlp"]["fc2"], hidden, width);
    block.scale2 = scale("ls2");
    blocks.push_back(std::move(block));
  }

  // Rows of the patches, [1,rows*columns,width], with what says where they are.
  Tensor embedded(const Tensor& pixels, int64_t rows, int64_t columns) const {
    const int64_t width = config.width, grid = config.grid;
    const Tensor x = patches(pixels, device);
    Tensor places = contiguous(positions.slice(1, 1, grid * grid));
    if (rows != grid || columns != grid) {
      constexpr double kOffset = 0.1;  // as the original was trained
      const auto factor = [&](int64_t n) { return (static_cast<double>(n) + kOffset) / static_cast<double>(grid); };
      places = ops::resample(places.view({1, grid, grid, width}), cubic_taps(grid, rows, factor(rows)),
                             cubic_taps(grid, columns, factor(columns)))
                   .view({1, rows * columns, width});
    }
    return ops::concat({ops::add(class_row, contiguous(positions.slice(1, 0, 1))), ops::add(x, places)}, 1);
  }

  Tensor run(const Block& block, const Tensor& x) const {
    const int64_t width = config.width;
    const auto scaled = [](auto v, auto added, auto scale) { return v + added * scale; };
    const Tensor qkv = block.qkv(block.norm1(x));
    const Tensor mixed = ops::attention(qkv.slice(2, 0, width), qkv.slice(2, width, width),
                                        qkv.slice(2, 2 * width, width), config.heads);
    const Tensor h = ops::map(scaled, x, block.out(mixed), block.scale1);
    return ops::map(scaled, h, block.fc2(block.fc1(block.norm2(h), {.activation = ops::Activation::kGelu})),
                    block.scale2);
  }

  Tensor depth(const std::array<Tensor, 4>& maps, int64_t height, int64_t width) const {
    std::array<Tensor, 4> levels;
    for (size_t i = 0; i < levels.size(); ++i) {
      Tensor x = projects[i](maps[i]);
      if (i == 0) x = four_times(x);
      if (i == 1) x = twice(x);
      if (i == 3) x = half(x);
      levels[i] = narrow[i](x);
    }
    Tensor x;
    for (size_t i = levels.size(); i-- > 0;) {
      const Tensor& here = levels[i];
      const int64_t rows = i == 0 ? 2 * here.dim(1) : levels[i - 1].dim(1);
      const int64_t columns = i == 0 ? 2 * here.dim(2) : levels[i - 1].dim(2);
      x = x.defined() ? fusions[i](x, here, rows, columns) : fusions[i](here, {}, rows, columns);
    }
    x = between_corners(out1(x), height, width);
    return out3(out2(x, {.activation = ops::Activation::kRelu}), {.activation = ops::Activation::kRelu});
  }

  DepthConfig config;
  Device device;
  Tensor class_row, positions;
  Patches patches;
  std::vector<Block> blocks;
  nn::LayerNorm last_norm;
  std::array<nn::Conv2d, 4> projects, narrow;
  Enlargement four_times, twice;
  nn::Conv2d half, out1, out2, out3;
  std::array<Fusion, 4> fusions;
};

DepthNetwork::DepthNetwork(const nn::Weights& w)
    : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
DepthNetwork::~DepthNetwork() = default;

void DepthNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

const DepthConfig& DepthNetwork::config() const { return impl_->config; }

Tensor DepthNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  const int64_t patch = m.config.patch;
  if (pixels.rank() != 4 || pixels.dim(0) != 1 || pixels.dim(3) != 3 || pixels.dim(1) % patch != 0 ||
      pixels.dim(2) % patch != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of depth");
  const int64_t rows = pixels.dim(1) / patch, columns = pixels.dim(2) / patch;
  Tensor x = m.embedded(pixels, rows, columns);
  std::array<Tensor, 4> maps;
  size_t next = 0;
  for (size_t i = 0; i < m.blocks.size(); ++i) {
    x = m.run(m.blocks[i], x);
    if (next < maps.size() && static_cast<int64_t>(i) == m.config.kept[next])
      maps[next++] = contiguous(m.last_norm(x).slice(1, 1, rows * columns)).view({1, rows, columns, m.config.width});
  }
  return m.depth(maps, pixels.dim(1), pixels.dim(2)).to(kHost);
}

size_t DepthNetwork::memory_estimate(int64_t height, int64_t width) const {
  const DepthConfig& c = impl_->config;
  const int64_t tokens = height / c.patch * (width / c.patch);
  constexpr int64_t kRows = 14, kMaps = 6, kFinestOfPatch = 64;  // 8 x 8 pixels a patch, before the last enlargement
  const int64_t head =
      tokens * kFinestOfPatch * c.features * kMaps + height * width * (c.features / 2 + kLastWidth) * 2;
  return static_cast<size_t>(tokens * c.width * kRows + head) * sizeof(float);
}

size_t DepthNetwork::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.patches.bytes() + m.half.bytes() + m.out1.bytes() + m.out2.bytes() + m.out3.bytes() +
                 m.four_times.bytes() + m.twice.bytes();
  for (const Block& b : m.blocks) total += b.bytes();
  for (size_t i = 0; i < m.projects.size(); ++i)
    total += m.projects[i].bytes() + m.narrow[i].bytes() + m.fusions[i].bytes();
  return total;
}

DepthHandle load_depth_network(memory::Residency& residency, const StoredTensors& file, const std::string& file_name) {
  if (!is_depth_network(file))
    throw Error(Fault::kUnsupported, "this is no network of Depth Anything V2")
        .in_file(file_name)
        .fix(
            "Put the published file there, such as depth_anything_v2_vits.pth "
            "(depth-anything/Depth-Anything-V2-Small)");
  const auto tensors = std::make_shared<const StoredTensors>(file);
  const nn::Weights weights(tensors, DType::kF32, file_name);
  DepthNetwork::check(weights);
  DepthHandle handle{file_name, read_depth_config(weights), nullptr};
  handle.model = packed_model<DepthNetwork>(
      residency, std::string("Depth Anything ") + file_name, {"depth", tensors, DType::kF32},
      [=](const ops::Packer& packer) {
        return std::make_shared<const DepthNetwork>(nn::Weights(tensors, DType::kF32, file_name, packer));
      });
  return handle;
}

image::BytePicture depth_of(memory::Residency& residency, const DepthHandle& handle,
                            const image::BytePicture& picture) {
  const double scale = std::max(static_cast<double>(kSide) / static_cast<double>(picture.height),
                                static_cast<double>(kSide) / static_cast<double>(picture.width));
  const int64_t patch = handle.config.patch;
  const auto side = [&](int64_t now) {
    const double patches = scale * static_cast<double>(now) / static_cast<double>(patch);
    const int64_t nearest = image::round_half_even(patches) * patch;
    return nearest < kSide ? static_cast<int64_t>(std::ceil(patches)) * patch : nearest;
  };
  const image::Size size{side(picture.width), side(picture.height)};
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(size.height, size.width), "Depth Anything at work");
  const Tensor pixels = image::resize(image::picture_of({picture}), size, image::ResizeMethod::kBicubic);
  // Means and deviations of ImageNet's colours.
  const Tensor mean = Tensor::of({1, 1, 1, 3}, {0.485f, 0.456f, 0.406f}),
               deviation = Tensor::of({1, 1, 1, 3}, {0.229f, 0.224f, 0.225f});
  const Tensor normalised = ops::map([](auto v, auto m, auto d) { return (v - m) / d; }, pixels, mean, deviation);
  return image::spread_over_bytes(
      image::resize_aligned(model->forward(normalised), {picture.width, picture.height}, false));
}

}  // namespace easel::models
