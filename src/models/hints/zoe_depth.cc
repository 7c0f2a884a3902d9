#include "models/hints/zoe_depth.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "image/scale/aligned.h"
#include "image/scale/mirrored.h"
#include "models/hints/dpt.h"
#include "models/hints/zoe_head.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/resample.h"

namespace easel::models {
namespace {

constexpr int64_t kPatch = 16, kLastWidth = 32;
constexpr int64_t kBeyondGrid = 3;  // rows of a table of places: to and from the row of the whole picture, and of it
constexpr const char* kClassRow = "core.core.pretrained.model.cls_token";

// The published file keeps its tensors beside the state of its training.
nn::Weights inside(const nn::Weights& w) { return w.has(kClassRow) ? w : w["model"]; }

// torch's bilinear interpolation without align_corners.
ops::Taps half_pixel_taps(int64_t from, int64_t to) {
  const float step = static_cast<float>(from) / static_cast<float>(to);
  std::vector<float> places;
  for (int64_t i = 0; i < to; ++i) places.push_back(std::max(0.0f, step * (static_cast<float>(i) + 0.5f) - 0.5f));
  return dpt::linear_taps(from, places);
}

// Which row of a table of places says how one row of patches lies to another, the whole picture's row first.
std::vector<int32_t> relative_places(int64_t rows, int64_t columns) {
  const int64_t distances = (2 * rows - 1) * (2 * columns - 1), count = rows * columns + 1;
  std::vector<int32_t> out;
  out.reserve(static_cast<size_t>(count * count));
  for (int64_t from = 0; from < count; ++from)
    for (int64_t to = 0; to < count; ++to) {
      int64_t place = distances + (from == 0 && to == 0 ? 2 : from == 0 ? 0 : 1);
      if (from > 0 && to > 0) {
        const int64_t down = (from - 1) / columns - (to - 1) / columns + rows - 1,
                      right = (from - 1) % columns - (to - 1) % columns + columns - 1;
        place = down * (2 * columns - 1) + right;
      }
      out.push_back(static_cast<int32_t>(place));
    }
  return out;
}

struct Block {
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, fc1, fc2;
  Tensor scale1, scale2;  // of what is added, [1,1,width]
  Tensor places;          // [distances + 3, heads], on the host
  size_t bytes() const { return qkv.bytes() + out.bytes() + fc1.bytes() + fc2.bytes() + places_bytes(); }
  size_t places_bytes() const { return places.defined() ? places.nbytes() : 0; }
};

// A row of the transformer, to which that of the whole picture is joined, made into a map.
struct Postprocess {
  nn::Linear readout;
  nn::Conv2d project;
  size_t bytes() const { return readout.bytes() + project.bytes(); }
};

}  // namespace

bool is_zoe_network(const StoredTensors& file) {
  return file.contains(kClassRow) || file.contains(std::string("model.") + kClassRow);
}

ZoeConfig read_zoe_config(const nn::Weights& tree) {
  const nn::Weights w = inside(tree), core = w["core"]["core"], tower = core["pretrained"]["model"];
  ZoeConfig c;
  c.width = shape_of_rank(tower, "cls_token", 3)[2];
  c.layers = numbered_children(tower["blocks"]);
  const Shape places = shape_of_rank(tower["blocks"][0]["attn"], "relative_position_bias_table", 2);
  c.heads = places[1];
  const double side = std::sqrt(static_cast<double>(std::max<int64_t>(places[0] - kBeyondGrid, 0)));
  c.grid = (static_cast<int64_t>(std::lround(side)) + 1) / 2;
  c.features = shape_of_rank(core["scratch"]["output_conv"][0], "weight", 4)[1];
  for (size_t i = 0; i < c.projected.size(); ++i) {
    const nn::Weights part = core["pretrained"]["act_postprocess" + std::to_string(i + 1)];
    c.projected[i] = shape_of_rank(part[3], "weight", 4)[0];
    c.attractors[i] = shape_of_rank(w["attractors"][static_cast<int64_t>(i)]["_net"][2], "weight", 4)[0];
  }
  c.bins = shape_of_rank(w["seed_bin_regressor"]["_net"][2], "weight", 4)[0];
  c.embedding = shape_of_rank(w["seed_projector"]["_net"][2], "weight", 4)[0];
  constexpr int64_t kShallow = 12, kDeep = 24, kLargestGrid = 256, kMostBins = 1024;
  if (c.layers != kShallow && c.layers != kDeep)
    throw Error(Fault::kUnsupported,
                "is a network of ZoeDepth of " + std::to_string(c.layers) + " layers: Easel runs those of 12 and 24")
        .in_file(w.file());
  c.kept = c.layers == kShallow ? std::array<int64_t, 4>{2, 5, 8, 11} : std::array<int64_t, 4>{5, 11, 17, 23};
  const int64_t along = 2 * c.grid - 1;
  if (c.grid < 1 || c.grid > kLargestGrid || along * along + kBeyondGrid != places[0] || c.heads < 1 ||
      c.width % c.heads != 0 || c.bins < 2 || c.bins > kMostBins)
    throw Error(Fault::kBadFile, "places " + places.str() + " are not those of ZoeDepth").in_file(w.file());
  return c;
}

struct ZoeNetwork::Impl {
  explicit Impl(const nn::Weights& tree) : config(read_zoe_config(tree)), device(tree.packer().device()) {
    const nn::Weights w = inside(tree), core = w["core"]["core"], pretrained = core["pretrained"],
                      tower = pretrained["model"], scratch = core["scratch"];
    const int64_t width = config.width, f = config.features;
    class_row = checked_parameter(tower, "cls_token", {1, 1, width});
    patches = dpt::Patches(tower["patch_embed"]["proj"], width, kPatch);
    for (int64_t i = 0; i < config.layers; ++i) add_block(tower["blocks"][i]);
    for (size_t i = 0; i < posts.size(); ++i) {
      const nn::Weights part = pretrained["act_postprocess" + std::to_string(i + 1)];
      posts[i].readout = dpt::linear(part[0]["project"][0], 2 * width, width);
      posts[i].project = dpt::conv(part[3], width, config.projected[i], 1);
      narrow[i] =
          dpt::conv(scratch["layer" + std::to_string(i + 1) + "_rn"], config.projected[i], f, 3, /*bias=*/false);
      fusions[i] = dpt::Fusion(scratch["refinenet" + std::to_string(i + 1)], f, i + 1 < posts.size());
    }
    four_times = dpt::Enlargement(pretrained["act_postprocess1"][4], config.projected[0], 4);
    twice = dpt::Enlargement(pretrained["act_postprocess2"][4], config.projected[1], 2);
    half = dpt::conv(pretrained["act_postprocess4"][4], config.projected[3], config.projected[3], 3, true, 2);
    out1 = dpt::conv(scratch["output_conv"][0], f, f / 2, 3);
    out2 = dpt::conv(scratch["output_conv"][2], f / 2, kLastWidth, 3);
    out3 = dpt::conv(scratch["output_conv"][4], kLastWidth, 1, 1);
    head = ZoeHead(w, config);
    tree.require_all();
  }

  void add_block(const nn::Weights& w) {
    const int64_t width = config.width, along = 2 * config.grid - 1;
    const nn::Weights attention = w["attn"];
    Block block;
    block.norm1 = dpt::norm(w["norm1"], width);
    // Keys have no bias.
    expect_shape(attention["qkv"], "weight", {3 * width, width});
    const StoredTensor weight = attention["qkv"].get("weight");
    const Tensor of_q = checked_parameter(attention, "q_bias", {width}),
                 of_v = checked_parameter(attention, "v_bias", {width});
    if (!w.probing() && weight.defined() && of_q.defined() && of_v.defined())
      block.qkv = nn::Linear(weight, ops::concat({of_q.to(kHost), Tensor::zeros({width}), of_v.to(kHost)}, 0),
                             DType::kF32, w.packer());
    block.places =
        checked_parameter(attention, "relative_position_bias_table", {along * along + kBeyondGrid, config.heads});
    block.out = dpt::linear(attention["proj"], width, width);
    block.norm2 = dpt::norm(w["norm2"], width);
    const auto hidden_shape = w["mlp"]["fc1"].shape("weight");
    const int64_t hidden = hidden_shape && hidden_shape->rank() == 2 ? (*hidden_shape)[0] : 0;
    block.fc1 = dpt::linear(w["mlp"]["fc1"], width, hidden);
    block.fc2 = dpt::linear(w["mlp"]["fc2"], hidden, width);
    const auto scale = [&](const char* name) {
      const Tensor values = checked_parameter(w, name, {width});
      return values.defined() ? values.view({1, 1, width}) : values;
    };
    block.scale1 = scale("gamma_1");
    block.scale2 = scale("gamma_2");
    blocks.push_back(std::move(block));
  }

  // What a block's table adds to the scores of each head, [heads,T,T], for a grid of another size than it was made for.
  Tensor place_scores(const Block& block, int64_t rows, int64_t columns, const std::vector<int32_t>& ids) const {
    const int64_t along = 2 * config.grid - 1, down = 2 * rows - 1, right = 2 * columns - 1, heads = config.heads;
    const Tensor grid = contiguous(block.places.slice(0, 0, along * along)).view({1, along, along, heads});
    const Tensor table = ops::concat(
        {ops::resample(grid, half_pixel_taps(along, down), half_pixel_taps(along, right)).view({down * right, heads}),
         contiguous(block.places.slice(0, along * along, kBeyondGrid))},
        0);
    const int64_t tokens = rows * columns + 1;
    const Tensor all = ops::embedding(table.to(kHost), ids, DType::kF32, device);
    return contiguous(all.view({tokens, tokens, heads}).permute({2, 0, 1}));
  }

  Tensor run(const Block& block, const Tensor& x, const Tensor& scores) const {
    const int64_t width = config.width;
    const auto scaled = [](auto v, auto added, auto scale) { return v + added * scale; };
    const Tensor qkv = block.qkv(block.norm1(x));
    const Tensor mixed = ops::attention(qkv.slice(2, 0, width), qkv.slice(2, width, width),
                                        qkv.slice(2, 2 * width, width), config.heads, {.bias = scores});
    const Tensor h = ops::map(scaled, x, block.out(mixed), block.scale1);
    return ops::map(scaled, h, block.fc2(block.fc1(block.norm2(h), {.activation = ops::Activation::kGelu})),
                    block.scale2);
  }

  // The rows of a layer as a map.
  Tensor as_map(size_t level, const Tensor& x, int64_t rows, int64_t columns) const {
    const int64_t count = rows * columns, width = config.width;
    const Tensor cells = contiguous(x.slice(1, 1, count)),
                 whole = contiguous(x.slice(1, 0, 1).expand({1, count, width}));
    const Tensor joined = posts[level].readout(ops::concat({cells, whole}, -1), {.activation = ops::Activation::kGelu});
    const Tensor map = posts[level].project(joined.view({1, rows, columns, width}));
    return level == 0 ? four_times(map) : level == 1 ? twice(map) : level == 2 ? map : half(map);
  }

  Tensor metres(const std::array<Tensor, 4>& maps, int64_t height, int64_t width) const {
    std::array<Tensor, 4> levels, joined;
    for (size_t i = 0; i < levels.size(); ++i) levels[i] = narrow[i](maps[i]);
    Tensor x;
    for (size_t i = levels.size(); i-- > 0;) {
      const Tensor& here = levels[i];
      const int64_t rows = i == 0 ? 2 * here.dim(1) : levels[i - 1].dim(1);
      const int64_t columns = i == 0 ? 2 * here.dim(2) : levels[i - 1].dim(2);
      x = x.defined() ? fusions[i](x, here, rows, columns) : fusions[i](here, {}, rows, columns);
      joined[levels.size() - 1 - i] = x;
    }
    const Tensor last = out2(dpt::between_corners(out1(x), height, width), {.activation = ops::Activation::kRelu});
    return head(levels[3], joined, last, out3(last, {.activation = ops::Activation::kRelu}));
  }

  ZoeConfig config;
  Device device;
  Tensor class_row;
  dpt::Patches patches;
  std::vector<Block> blocks;
  std::array<Postprocess, 4> posts;
  std::array<nn::Conv2d, 4> narrow;
  std::array<dpt::Fusion, 4> fusions;
  dpt::Enlargement four_times, twice;
  nn::Conv2d half, out1, out2, out3;
  ZoeHead head;
};

ZoeNetwork::ZoeNetwork(const nn::Weights& w) : impl_(from_file(w, [&] { return std::make_unique<const Impl>(w); })) {}
ZoeNetwork::~ZoeNetwork() = default;

void ZoeNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

const ZoeConfig& ZoeNetwork::config() const { return impl_->config; }

Tensor ZoeNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  constexpr int64_t kMultiple = 32;
  if (pixels.rank() != 4 || pixels.dim(0) != 1 || pixels.dim(3) != 3 || pixels.dim(1) % kMultiple != 0 ||
      pixels.dim(2) % kMultiple != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of depth");
  const int64_t rows = pixels.dim(1) / kPatch, columns = pixels.dim(2) / kPatch;
  const std::vector<int32_t> ids = relative_places(rows, columns);
  Tensor x = ops::concat({m.class_row, m.patches(pixels, m.device)}, 1);
  std::array<Tensor, 4> maps;
  size_t next = 0;
  for (size_t i = 0; i < m.blocks.size(); ++i) {
    x = m.run(m.blocks[i], x, m.place_scores(m.blocks[i], rows, columns, ids));
    if (next < maps.size() && static_cast<int64_t>(i) == m.config.kept[next]) {
      maps[next] = m.as_map(next, x, rows, columns);
      ++next;
    }
  }
  return m.metres(maps, pixels.dim(1), pixels.dim(2)).to(kHost);
}

size_t ZoeNetwork::memory_estimate(int64_t height, int64_t width) const {
  const ZoeConfig& c = impl_->config;
  const int64_t tokens = height / kPatch * (width / kPatch) + 1;
  constexpr int64_t kRows = 14, kMaps = 6, kFinestOfPatch = 64, kOfScores = 2;
  const int64_t head = tokens * kFinestOfPatch * c.features * kMaps +
                       height * width * (c.features / 2 + 4 * c.bins + 2 * c.embedding + 2 * kLastWidth);
  return static_cast<size_t>(tokens * c.width * kRows + kOfScores * c.heads * tokens * tokens + head) * sizeof(float);
}

size_t ZoeNetwork::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.patches.bytes() + m.half.bytes() + m.out1.bytes() + m.out2.bytes() + m.out3.bytes() +
                 m.four_times.bytes() + m.twice.bytes() + m.head.bytes();
  for (const Block& b : m.blocks) total += b.bytes();
  for (size_t i = 0; i < m.posts.size(); ++i) total += m.posts[i].bytes() + m.narrow[i].bytes() + m.fusions[i].bytes();
  return total;
}

ZoeHandle load_zoe_network(memory::Residency& residency, const StoredTensors& file, const std::string& file_name) {
  if (!is_zoe_network(file))
    throw Error(Fault::kUnsupported, "this is no network of ZoeDepth")
        .in_file(file_name)
        .fix("Put the published ZoeD_M12_N.pt there (lllyasviel/Annotators)");
  return load_file_network<ZoeNetwork>(residency, std::make_shared<const StoredTensors>(file), file_name, "zoe",
                                       "ZoeDepth");
}

namespace {

// The size that the network sees a picture in: the side that changes less decides, both become multiples of 32.
image::Size seen_size(int64_t height, int64_t width) {
  constexpr double kHeight = 384, kWidth = 512, kMultiple = 32;
  double down = kHeight / static_cast<double>(height), across = kWidth / static_cast<double>(width);
  if (std::abs(1 - across) < std::abs(1 - down)) down = across;
  else across = down;
  const auto side = [&](double pixels) {
    return std::max<int64_t>(1, static_cast<int64_t>(std::nearbyint(pixels / kMultiple))) *
           static_cast<int64_t>(kMultiple);
  };
  return {side(across * static_cast<double>(width)), side(down * static_cast<double>(height))};
}

// Rows or columns from `first` on, mirrored beyond the ends.
ops::Taps mirrored_taps(int64_t from, int64_t first, int64_t count, bool backwards) {
  ops::Taps taps;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = image::mirrored(first + i, from);
    taps.index.push_back(backwards ? from - 1 - at : at);
  }
  return taps;
}

}  // namespace

Tensor zoe_metres(memory::Residency& residency, const ZoeHandle& handle, const image::BytePicture& picture) {
  const Tensor pixels = image::picture_of({picture});
  const int64_t height = picture.height, width = picture.width;
  // A frame hides that the pictures trained on had black edges.
  const auto frame = [](int64_t side) {
    constexpr double kTimes = 3;
    return static_cast<int64_t>(std::sqrt(static_cast<double>(side) / 2) * kTimes);
  };
  const int64_t above = frame(height), beside = frame(width), tall = height + 2 * above, broad = width + 2 * beside;
  const image::Size size = seen_size(tall, broad);
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(size.height, size.width), "ZoeDepth at work");
  Tensor out;
  for (const bool turned : {false, true}) {
    const Tensor framed =
        ops::resample(pixels, mirrored_taps(height, -above, tall, false), mirrored_taps(width, -beside, broad, turned));
    const Tensor seen = ops::map([](auto v) { return (v - 0.5f) / 0.5f; }, image::resize_aligned(framed, size, false));
    const Tensor found = image::resize(model->forward(seen), {broad, tall}, image::ResizeMethod::kBicubic);
    const Tensor cut = contiguous(found.slice(1, above, height).slice(2, beside, width));
    const Tensor straight =
        turned ? ops::resample(cut, mirrored_taps(height, 0, height, false), mirrored_taps(width, 0, width, true))
               : cut;
    out = out.defined() ? ops::map([](auto a, auto b) { return (a + b) / 2.0f; }, out, straight) : straight;
  }
  return out;
}

}  // namespace easel::models
