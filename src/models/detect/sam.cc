#include "models/detect/sam.h"

#include <string>

#include "models/detect/sam_decoder.h"
#include "models/detect/sam_encoder.h"
#include "models/weights/key_names.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

constexpr int64_t kPatch = 16, kMostLayers = 128, kMostSide = 64;

// Which file it is must be told by a shape, which Error(kBadFile) names when it is another.
Shape shape_of(const nn::Weights& w, const std::string& name, int rank) {
  const auto shape = w.shape(name);
  if (!shape) {
    w.get(name);
    w.require_all();
  }
  if (shape->rank() != rank || shape->numel() == 0)
    throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' has shape " + shape->str()).in_file(w.file());
  return *shape;
}

}  // namespace

bool is_sam(const StoredTensors& file) {
  return file.contains("image_encoder.pos_embed") && file.contains("mask_decoder.iou_token.weight");
}

const char* SamConfig::name() const {
  return width == 768 ? "ViT-B" : width == 1024 ? "ViT-L" : width == 1280 ? "ViT-H" : "of its own size";
}

SamConfig read_sam_config(const nn::Weights& w) {
  const nn::Weights encoder = w["image_encoder"];
  const Shape places = shape_of(encoder, "pos_embed", 4);
  SamConfig out{.width = places[3], .layers = numbered_children(encoder["blocks"]), .heads = 0, .side = places[1]};
  const int64_t of_head = shape_of(encoder["blocks"]["0"]["attn"], "rel_pos_h", 2)[1];
  if (out.side > kMostSide || places[2] != out.side || out.layers > kMostLayers || out.width % of_head != 0)
    throw Error(Fault::kBadFile, "tensor '" + encoder.full("pos_embed") + "' has shape " + places.str() +
                                     " for heads of " + std::to_string(of_head))
        .in_file(w.file());
  out.heads = out.width / of_head;
  return out;
}

struct SamNetwork::Impl {
  explicit Impl(const nn::Weights& w) : config(read_sam_config(w)) {
    const int64_t width = shape_of(w["mask_decoder"]["iou_token"], "weight", 2)[1];
    constexpr int64_t kMultiple = 16;
    if (width % kMultiple != 0)
      throw Error(Fault::kBadFile, "has a decoder of width " + std::to_string(width)).in_file(w.file());
    encoder = SamEncoder(w["image_encoder"], config, width);
    decoder = SamDecoder(w["mask_decoder"], w["prompt_encoder"], width, config.side);
    w.require_all();
  }

  SamConfig config;
  SamEncoder encoder;
  SamDecoder decoder;
};

SamNetwork::SamNetwork(const nn::Weights& w) : impl_(std::make_unique<const Impl>(w)) {}
SamNetwork::~SamNetwork() = default;
void SamNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

Tensor SamNetwork::encode(const Tensor& pixels) const {
  const int64_t side = kPatch * impl_->config.side;
  if (!(pixels.shape() == Shape{1, side, side, 3}))
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to Segment Anything");
  return impl_->encoder(pixels);
}

SamMasks SamNetwork::decode(const Tensor& encoded, const std::vector<image::SegmentPlace>& places) const {
  return impl_->decoder(encoded, places);
}

size_t SamNetwork::memory_estimate() const {
  const SamConfig& c = impl_->config;
  const int64_t cells = c.side * c.side;
  // Rows of a layer and what its network makes of them, what places say of each other, a head's biases twice.
  constexpr int64_t kRows = 16, kLines = 8;
  const int64_t values = cells * c.width * kRows + cells * c.heads * c.side * kLines + 2 * cells * cells;
  return static_cast<size_t>(values) * sizeof(float);
}

size_t SamNetwork::bytes() const { return impl_->encoder.bytes() + impl_->decoder.bytes(); }

SamHandle load_sam(memory::Residency& residency, const StoredTensors& file, const std::string& file_name) {
  if (!is_sam(file))
    throw Error(Fault::kUnsupported, "this is no Segment Anything")
        .in_file(file_name)
        .fix("Put the published file there, such as sam_vit_b_01ec64.pth");
  const auto tensors = std::make_shared<const StoredTensors>(file);
  const nn::Weights whole(tensors, DType::kF32, file_name);
  SamNetwork::check(whole);
  SamHandle handle{file_name, read_sam_config(whole), nullptr};
  if (handle.config.side * kPatch != image::kSegmentSide)
    throw Error(Fault::kUnsupported, "sees pictures of " + std::to_string(handle.config.side * kPatch) +
                                         " pixels, where Segment Anything sees " + std::to_string(image::kSegmentSide))
        .in_file(file_name);
  handle.model = packed_model<SamNetwork>(
      residency, "Segment Anything " + file_name, {"sam", tensors, DType::kF32}, [=](const ops::Packer& packer) {
        return std::make_shared<const SamNetwork>(nn::Weights(tensors, DType::kF32, file_name, packer));
      });
  return handle;
}

std::vector<std::vector<SegmentFound>> segment(memory::Residency& residency, const SamHandle& handle,
                                               const image::BytePicture& picture,
                                               const std::vector<image::SegmentPrompt>& prompts) {
  std::vector<std::vector<SegmentFound>> out;
  if (prompts.empty()) return out;
  const image::Size size{picture.width, picture.height};
  const auto model = handle.model->get();
  const auto working = residency.hold(model->memory_estimate(), "Segment Anything at work");
  const Tensor encoded = model->encode(image::segment_pixels(picture));
  for (const image::SegmentPrompt& prompt : prompts) {
    const SamMasks said = model->decode(encoded, image::segment_places(prompt, size));
    std::vector<Tensor> masks = image::segment_masks(said.masks, size);
    std::vector<SegmentFound> found;
    for (size_t i = 0; i < masks.size(); ++i) found.push_back({std::move(masks[i]), said.quality.at(i)});
    out.push_back(std::move(found));
  }
  return out;
}

}  // namespace easel::models
