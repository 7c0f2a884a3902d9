#include "models/detect/yolo.h"

#include <algorithm>
#include <charconv>

#include "models/detect/yolo_blocks.h"
#include "models/weights/packed_model.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kColours = 3, kLeastStep = 32, kLeastSide = 32, kMostSide = 4096, kMostKinds = 10'000,
                  kMostChannels = 1 << 16;

// The module that is the whole network: ultralytics prefers the mean over training, if the file still has it.
YoloModule root_of(const formats::ModelFile& file) {
  const auto about = std::make_shared<const formats::Metadata>(file.metadata);
  const nn::Weights w = nn::Weights(file.tensors, DType::kF32, file.name()).probe();
  for (const char* place : {"ema", "model"})
    if (about->count(std::string(place) + ".__class__") && about->count(std::string(place) + ".model.__class__"))
      return YoloModule(w, about)[place];
  return YoloModule(w, about);
}

// Which earlier maps a module takes, by their numbers; -1 is the picture.
std::vector<int64_t> taken(const YoloModule& module, int64_t index) {
  std::vector<int64_t> out = module.integers("f");
  for (int64_t& from : out) {
    if (from < 0) from += index;
    if (from < -1 || from >= index || (from == -1 && index > 0))
      module.damaged("takes a map that is not made before it");
  }
  if (out.empty()) module.damaged("takes no map");
  return out;
}

// A map as far as it is known before it is computed: its channels, and the pixels of the picture along one of its.
struct Planned {
  int64_t width = 0, step = 1;
};

Planned after(const YoloModule& module, const YoloBlock& block, const Planned& in) {
  constexpr int64_t kMostStep = 1024;
  const int64_t step = in.step * block.down;
  if (step % block.up != 0 || step / block.up < 1 || step > kMostStep)
    module.refuse("gives a map that is larger than the picture, or too small");
  return {block.width, step / block.up};
}

}  // namespace

struct YoloNetwork::Impl {
  struct Layer {
    YoloBlockPtr block;  // null: the maps are joined
    std::vector<int64_t> from;
    Planned made;
    int64_t widest = 0;  // channels in memory, of maps with its input's step
    int64_t step = 1;    // of its input
    bool kept = false;   // a later one than the next takes it
  };
  struct Grid {
    int64_t from = 0, step = 1;
    YoloBlockPtr sides, scores, coefficients;
  };

  explicit Impl(const YoloModule& root) {
    const nn::Weights& w = root.weights();
    device = w.packer().device();
    const YoloModule layers_of = root["model"];
    const int64_t count = layers_of.count();
    if (count < 2)
      throw Error(Fault::kUnsupported, "this is no network of ultralytics that was saved whole")
          .in_file(w.file())
          .fix("Put a published file there, such as face_yolov8m.pt of Bingsu/adetailer");
    for (int64_t i = 0; i + 1 < count; ++i) layers.push_back(layer(layers_of[i], i));
    const YoloModule head = layers_of[count - 1];
    read_head(head, count - 1);
    for (const Grid& grid : grids) keep(grid.from, count - 1);
    for (size_t i = 0; i < layers.size(); ++i)
      for (const int64_t from : layers[i].from) keep(from, static_cast<int64_t>(i));
    read_config(root, head);
    w.require_all();
  }

  void keep(int64_t from, int64_t index) {
    if (from >= 0 && from + 1 < index) layers[static_cast<size_t>(from)].kept = true;
  }

  Planned planned(int64_t from) const {
    return from < 0 ? Planned{kColours, 1} : layers[static_cast<size_t>(from)].made;
  }

  Layer layer(const YoloModule& module, int64_t index) const {
    Layer out{.block = nullptr, .from = taken(module, index), .made = {}, .widest = 0, .step = 1, .kept = false};
    const Planned first = planned(out.from.front());
    out.step = first.step;
    if (module.kind() == "Concat") {
      if (module.integer("d") != 1) module.refuse("joins something else than channels");
      out.made = {0, first.step};
      for (const int64_t from : out.from) {
        if (planned(from).step != first.step) module.damaged("joins maps of different sizes");
        out.made.width += planned(from).width;
        if (out.made.width > kMostChannels) module.damaged("joins more channels than a network has");
      }
      out.widest = 2 * out.made.width;
      return out;
    }
    if (out.from.size() != 1) module.damaged("takes several maps");
    out.block = make_yolo_block(module, first.width);
    out.made = after(module, *out.block, first);
    out.widest = out.block->widest;
    return out;
  }

  // One branch of the head for a grid, which keeps the map's size.
  static YoloBlockPtr branch(const YoloModule& module, const Planned& in) {
    YoloBlockPtr out = make_yolo_block(module, in.width);
    if (out->up != 1 || out->down != 1) module.damaged("changes the size of its map");
    return out;
  }

  void read_head(const YoloModule& head, int64_t index) {
    const std::string kind = head.kind();
    if (kind != "Detect" && kind != "Segment") head.refuse("gives something else than boxes and masks");
    if (!head["one2one_cv2"].kind().empty()) head.refuse("has a second head that gives no doubles");
    config.masks = kind == "Segment";
    const std::vector<int64_t> from = taken(head, index);
    const int64_t kinds = head.integer("nc"), bins = head.integer("reg_max", 16);
    constexpr int64_t kMostBins = 256;
    if (kinds < 1 || kinds > kMostKinds || bins < 1 || bins > kMostBins)
      head.damaged("finds " + std::to_string(kinds) + " kinds of things in " + std::to_string(bins) + " bins");
    for (size_t i = 0; i < from.size(); ++i) {
      const auto n = static_cast<int64_t>(i);
      const Planned in = planned(from[i]);
      Grid grid{.from = from[i],
                .step = in.step,
                .sides = branch(head["cv2"][n], in),
                .scores = branch(head["cv3"][n], in),
                .coefficients = config.masks ? branch(head["cv4"][n], in) : nullptr};
      if (grid.sides->width != 4 * bins || grid.scores->width != kinds)
        head.damaged("gives " + std::to_string(grid.sides->width) + " and " + std::to_string(grid.scores->width) +
                     " channels for " + std::to_string(kinds) + " kinds of things and " + std::to_string(bins) +
                     " bins");
      grids.push_back(std::move(grid));
    }
    if (bins > 1) {
      const Tensor values = head["dfl"]["conv"].weights().values("weight", Shape{1, bins, 1, 1});
      if (values.defined()) distances = ops::read(values);
    }
    if (!config.masks) return;
    protos = make_yolo_block(head["proto"], planned(from.front()).width);
    if (protos->down != 1) head["proto"].damaged("makes a map smaller");
    for (const Grid& grid : grids)
      if (grid.coefficients->width != protos->width)
        head.damaged("gives " + std::to_string(grid.coefficients->width) + " coefficients for " +
                     std::to_string(protos->width) + " maps");
  }

  void read_config(const YoloModule& root, const YoloModule& head) {
    config.family = root.kind();
    const int64_t kinds = head.integer("nc");
    for (int64_t i = 0; i < kinds; ++i)
      config.kinds.push_back(root.text("names." + std::to_string(i)).value_or(std::to_string(i)));
    config.step = kLeastStep;
    for (const Grid& grid : grids) config.step = std::max(config.step, grid.step);
    for (const Layer& one : layers)
      if (config.step % one.made.step != 0) root.refuse("has maps whose sizes do not divide each other");
  }

  Device device;
  std::vector<Layer> layers;
  std::vector<Grid> grids;
  YoloBlockPtr protos;
  std::vector<float> distances;
  YoloConfig config;
};

std::string YoloConfig::summary() const {
  constexpr size_t kNamed = 4;
  std::string out = std::string("YOLO of ultralytics that finds ") + (masks ? "masks" : "boxes") + " of ";
  const size_t named = std::min(kinds.size(), kNamed);
  for (size_t i = 0; i < named; ++i) out += (i == 0 ? "" : i + 1 == kinds.size() ? " and " : ", ") + kinds[i];
  if (kinds.size() > named) out += " and " + std::to_string(kinds.size() - named) + " more";
  return out;
}

YoloNetwork::YoloNetwork(const YoloModule& root) : impl_(std::make_unique<const Impl>(root)) {}
YoloNetwork::~YoloNetwork() = default;

const YoloConfig& YoloNetwork::config() const { return impl_->config; }

image::DetectorSaid YoloNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  if (pixels.rank() != 4 || pixels.dim(3) != kColours || pixels.dim(1) % m.config.step != 0 ||
      pixels.dim(2) % m.config.step != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a detector");
  const Tensor input = pixels.to(m.device);
  std::vector<Tensor> maps(m.layers.size());
  const auto map = [&](int64_t from) -> const Tensor& { return from < 0 ? input : maps[static_cast<size_t>(from)]; };
  for (size_t i = 0; i < m.layers.size(); ++i) {
    const Impl::Layer& layer = m.layers[i];
    if (layer.block) {
      maps[i] = (*layer.block)(map(layer.from.front()));
    } else {
      std::vector<Tensor> parts;
      for (const int64_t from : layer.from) parts.push_back(map(from));
      maps[i] = ops::concat(parts, -1);
    }
    if (i > 0 && !m.layers[i - 1].kept) maps[i - 1] = Tensor();
  }
  image::DetectorSaid out;
  for (const Impl::Grid& grid : m.grids) {
    const Tensor& in = map(grid.from);
    out.grids.push_back(
        {.step = grid.step,
         .sides = contiguous((*grid.sides)(in)).to(kHost),
         .scores = contiguous((*grid.scores)(in)).to(kHost),
         .coefficients = grid.coefficients ? contiguous((*grid.coefficients)(in)).to(kHost) : Tensor()});
  }
  if (m.protos) out.masks = contiguous((*m.protos)(map(m.grids.front().from))).to(kHost);
  out.distances = m.distances;
  return out;
}

size_t YoloNetwork::memory_estimate(image::Size size) const {
  const Impl& m = *impl_;
  const auto pixels = static_cast<double>(size.height) * static_cast<double>(size.width);
  const auto area = [&](int64_t step) { return pixels / static_cast<double>(step * step); };
  double kept = pixels * kColours, most = 0;
  for (const Impl::Layer& layer : m.layers) {
    most = std::max(most, static_cast<double>(layer.widest) * area(layer.step));
    if (layer.kept) kept += static_cast<double>(layer.made.width) * area(layer.made.step);
  }
  const auto add = [&](const YoloBlockPtr& block, int64_t step) {
    if (!block) return;
    most = std::max(most, static_cast<double>(block->widest) * area(step));
    kept += static_cast<double>(block->width * block->up * block->up) * area(step);
  };
  for (const Impl::Grid& grid : m.grids)
    for (const YoloBlockPtr& block : {grid.sides, grid.scores, grid.coefficients}) add(block, grid.step);
  add(m.protos, m.grids.front().step);
  return static_cast<size_t>((kept + most) * sizeof(float));
}

size_t YoloNetwork::bytes() const {
  const Impl& m = *impl_;
  size_t total = m.protos ? m.protos->bytes() : 0;
  for (const Impl::Layer& layer : m.layers) total += layer.block ? layer.block->bytes() : 0;
  for (const Impl::Grid& grid : m.grids)
    total += grid.sides->bytes() + grid.scores->bytes() + (grid.coefficients ? grid.coefficients->bytes() : 0);
  return total;
}

YoloConfig read_yolo_config(const formats::ModelFile& file) {
  if (!is_yolo(file))
    throw Error(Fault::kUnsupported, "this is no detector of ultralytics")
        .in_file(file.name())
        .fix(
            "Put a published file there, such as face_yolov8m.pt of Bingsu/adetailer. A file of its tensors alone does "
            "not say how they are used");
  const YoloModule root = root_of(file);
  YoloConfig out = YoloNetwork(root).config();
  // The size that it was trained with is what predict brings pictures to.
  constexpr int64_t kUsual = 640;
  std::vector<int64_t> sides{kUsual};
  if (const auto it = file.metadata.find("train_args.imgsz"); it != file.metadata.end()) {
    sides.clear();
    for (std::string_view rest = it->second; !rest.empty();) {
      const size_t end = std::min(rest.find(','), rest.size());
      int64_t side = 0;
      const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, side);
      if (error != std::errc() || stop != rest.data() + end || side < kLeastSide || side > kMostSide)
        throw Error(Fault::kBadFile, "says that it was trained with pictures of the size '" + it->second + "'")
            .in_file(file.name());
      sides.push_back((side + out.step - 1) / out.step * out.step);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (sides.empty() || sides.size() > 2)
    throw Error(Fault::kBadFile, "does not say the size that it was trained with").in_file(file.name());
  out.size = {sides.back(), sides.front()};
  return out;
}

YoloHandle load_yolo(memory::Residency& residency, const formats::ModelFile& file) {
  YoloHandle handle{file.name(), read_yolo_config(file), nullptr};
  const auto tensors = file.tensors;
  const auto about = std::make_shared<const formats::Metadata>(file.metadata);
  const std::string name = file.name(), place = root_of(file).weights().full("");
  handle.model = packed_model<YoloNetwork>(
      residency, "YOLO " + name, {"yolo", tensors, DType::kF32}, [=](const ops::Packer& packer) {
        const YoloModule whole(nn::Weights(tensors, DType::kF32, name, packer), about);
        return std::make_shared<const YoloNetwork>(place.empty() ? whole : whole[place.substr(0, place.size() - 1)]);
      });
  return handle;
}

std::vector<image::Detection> detect(memory::Residency& residency, const YoloHandle& handle,
                                     const image::BytePicture& picture, double threshold, bool with_masks) {
  const image::Letterbox box =
      image::letterbox({picture.width, picture.height}, handle.config.size, handle.config.step);
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(box.whole), "a detector at work");
  return image::detections(model->forward(image::letterboxed(picture, box)), box, threshold, with_masks);
}

}  // namespace easel::models
