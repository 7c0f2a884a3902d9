#include "models/hints/lines/line_network.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "image/hints/hints.h"
#include "image/hints/smooth.h"
#include "image/pose/raster.h"
#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

constexpr float kHalf = 127.5f;  // of bytes
constexpr const char* kAnnotators = "lllyasviel/Annotators";

struct Known {
  LineKind kind;
  LineNetworkNames names;
  std::array<const char*, 2> keys;  // by which a file is recognised
  lines::PartPtr (*build)(const nn::Weights&);
};

const std::array kKnown{
    Known{LineKind::kDrawing,
          {"network of drawn lines", "LineArtPreprocessor", "sk_model.pth", kAnnotators},
          {"model0.1.weight", "model2.0.conv_block.1.weight"},
          lines::drawing},
    Known{LineKind::kAnime,
          {"network of drawn lines (UNet)", "AnimeLineArtPreprocessor", "netG.pth", kAnnotators},
          {"model.model.0.weight", "model.model.1.model.1.weight"},
          lines::anime},
    Known{LineKind::kDifferences,
          {"network of soft edges (PiDiNet)", "PiDiNetPreprocessor and Scribble_PiDiNet_Preprocessor",
           "table5_pidinet.pth", kAnnotators},
          {"init_block.weight", "block1_1.conv1.weight"},
          lines::differences},
    Known{LineKind::kTiny,
          {"network of soft edges (TEED)", "TEEDPreprocessor and AnyLineArtPreprocessor_aux", "7_model.pth",
           "bdsqlsz/qinglong_controlnet-lllite, in Annotators"},
          {"block_cat.DWconv1.weight", "dblock_3.denselayer1.conv1.weight"},
          lines::tiny},
    Known{LineKind::kStraight,
          {"network of straight lines (M-LSD)", "M-LSDPreprocessor", "mlsd_large_512_fp32.pth", kAnnotators},
          {"backbone.features.0.0.weight", "block23.conv3.weight"},
          lines::straight},
};

const Known& known(LineKind kind) {
  return *std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.kind == kind; });
}

// What training scripts put before the names of a network.
constexpr std::array kWrappers{"", "module.", "state_dict.module.", "state_dict."};

struct Found {
  const Known* known = nullptr;
  std::string wrapper;
};
Found find(const StoredTensors& file) {
  for (const char* wrapper : kWrappers)
    for (const Known& k : kKnown)
      if (std::all_of(k.keys.begin(), k.keys.end(),
                      [&](const char* key) { return file.contains(wrapper + std::string(key)); }))
        return {&k, wrapper};
  return {};
}

lines::PartPtr built(const nn::Weights& w) {
  for (const Known& k : kKnown)
    if (std::all_of(k.keys.begin(), k.keys.end(), [&](const char* key) { return w.has(key); }))
      return from_file(w, [&] { return k.build(w); });
  throw Error(Fault::kBadFile, "has none of the networks that draw lines").in_file(w.file());
}

// What the network says of a picture.
Tensor seen(memory::Residency& residency, const LineHandle& handle, const Tensor& pixels) {
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(pixels.dim(1), pixels.dim(2)),
                                      std::string(names_of(model->kind()).name) + " at work");
  return model->forward(pixels);
}

// [1,H,W,1] with values of bytes, cut to whole numbers and 0..255.
image::BytePicture bytes_of(const Tensor& map) {
  image::BytePicture out(map.dim(1), map.dim(2), 1);
  const std::vector<float> values = ops::read(map);
  std::transform(values.begin(), values.end(), out.data.begin(),
                 [](float v) { return static_cast<uint8_t>(std::min(std::max(0.0f, v), 255.0f)); });
  return out;
}

image::BytePicture turned(image::BytePicture picture) {
  for (uint8_t& v : picture.data) v = static_cast<uint8_t>(~v);
  return picture;
}

}  // namespace

const LineNetworkNames& names_of(LineKind kind) { return known(kind).names; }

std::optional<LineKind> line_kind(const StoredTensors& file) {
  const Found found = find(file);
  return found.known ? std::optional(found.known->kind) : std::nullopt;
}

std::shared_ptr<const StoredTensors> line_tensors(const StoredTensors& file) {
  const std::string wrapper = find(file).wrapper;
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(wrapper)) out->set(name.substr(wrapper.size()), tensor);
  return out;
}

LineNetwork::LineNetwork(const nn::Weights& w) : part_(built(w)) {}
LineNetwork::~LineNetwork() = default;

void LineNetwork::check(const nn::Weights& w) { built(w.probing() ? w : w.probe()); }

LineKind LineNetwork::kind() const { return part_->kind(); }

Tensor LineNetwork::forward(const Tensor& pixels) const {
  const int64_t multiple = part_->multiple();
  if (pixels.rank() != 4 || pixels.dim(3) != part_->channels() || pixels.dim(1) % multiple != 0 ||
      pixels.dim(2) % multiple != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of lines");
  return part_->forward(pixels).to(kHost);
}

size_t LineNetwork::memory_estimate(int64_t height, int64_t width) const {
  return static_cast<size_t>(height * width) * part_->bytes_of_pixel();
}

size_t LineNetwork::bytes() const { return part_->bytes(); }

LineHandle load_line_network(memory::Residency& residency, const StoredTensors& file, LineKind wanted,
                             const std::string& file_name) {
  const LineNetworkNames& names = names_of(wanted);
  if (line_kind(file) != wanted)
    throw Error(Fault::kUnsupported, std::string("this is no ") + names.name)
        .in_file(file_name)
        .fix(std::string("Put the published ") + names.file + " there (" + names.publisher + ")");
  return load_file_network<LineNetwork>(residency, line_tensors(file), file_name, "lines", names.name);
}

image::BytePicture drawn_lines(memory::Residency& residency, const LineHandle& handle,
                               const image::BytePicture& picture) {
  const Tensor drawn = seen(residency, handle, image::picture_of({picture}));
  return turned(bytes_of(ops::affine(drawn, 255.0f)));
}

image::BytePicture anime_lines(memory::Residency& residency, const LineHandle& handle,
                               const image::BytePicture& picture) {
  constexpr int64_t kMultiple = 256;
  const image::Size size{(picture.width + kMultiple - 1) / kMultiple * kMultiple,
                         (picture.height + kMultiple - 1) / kMultiple * kMultiple};
  const Tensor pixels = ops::map([](auto v) { return v / kHalf - 1.0f; },
                                 image::floats_of(image::resized(picture, size, image::ByteFilter::kCubic)));
  const image::BytePicture lines = bytes_of(ops::affine(seen(residency, handle, pixels), kHalf, kHalf));
  return turned(image::resized(lines, {picture.width, picture.height}, image::ByteFilter::kArea));
}

image::BytePicture difference_edges(memory::Residency& residency, const LineHandle& handle,
                                    const image::BytePicture& picture, int64_t steps) {
  const Tensor red_first = image::picture_of({picture});
  const Tensor pixels = ops::concat({red_first.slice(3, 2, 1), red_first.slice(3, 1, 1), red_first.slice(3, 0, 1)}, 3);
  return image::likelihood_bytes(seen(residency, handle, pixels), steps);
}

image::BytePicture tiny_edges(memory::Residency& residency, const LineHandle& handle, const image::BytePicture& picture,
                              int64_t steps) {
  return image::likelihood_bytes(seen(residency, handle, image::floats_of(picture)), steps);
}

image::BytePicture straight_lines(memory::Residency& residency, const LineHandle& handle,
                                  const image::BytePicture& picture, double score, double distance) {
  constexpr size_t kMost = 200;
  const Tensor bytes =
      ops::concat({image::floats_of(picture), Tensor::full({1, picture.height, picture.width, 1}, 1.0f)}, 3);
  const Tensor map = seen(residency, handle, ops::map([](auto v) { return v / kHalf - 1.0f; }, bytes));
  const Tensor likely = layers::sigmoid(contiguous(map.slice(3, 0, 1)));
  // A line is where its neighbours are not likelier.
  const std::vector<float> scores =
      ops::read(ops::map([](auto v, auto most) { return ops::select(v == most, v, 0.0f); }, likely,
                         layers::max_of_windows(likely, 3, 1, 1)));
  const std::vector<float> ways = ops::read(map);
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto end = order.begin() + static_cast<int64_t>(std::min(kMost, order.size()));
  std::partial_sort(order.begin(), end, order.end(),
                    [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  image::BytePicture canvas(picture.height, picture.width, 3);
  const auto channels = static_cast<size_t>(map.dim(3)), width = static_cast<size_t>(map.dim(2));
  for (auto at = order.begin(); at != end; ++at) {
    const float* const way = &ways[*at * channels + 1];
    const float dx = way[0] - way[2], dy = way[1] - way[3], length = std::sqrt(dx * dx + dy * dy);
    if (!(scores[*at] > static_cast<float>(score) && length > static_cast<float>(distance))) continue;
    const auto x = static_cast<double>(*at % width), y = static_cast<double>(*at / width);
    std::array<double, 4> ends{2 * (x + static_cast<double>(way[0])), 2 * (y + static_cast<double>(way[1])),
                               2 * (x + static_cast<double>(way[2])), 2 * (y + static_cast<double>(way[3]))};
    constexpr double kFarthest = 1 << 30;  // beyond whole numbers the original stops
    if (std::any_of(ends.begin(), ends.end(), [](double v) { return !(std::abs(v) < kFarthest); })) break;
    const auto whole = [&](size_t i) { return static_cast<int64_t>(ends[i]); };
    image::draw_thin_line(canvas, {whole(0), whole(1)}, {whole(2), whole(3)}, {255, 255, 255});
  }
  return canvas;
}

}  // namespace easel::models
