// Nodes between pictures and latents.
#include <algorithm>
#include <functional>

#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "memory/resident.h"
#include "models/conditioning.h"
#include "models/vae/vae.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/foresight.h"
#include "ops/arithmetic/formula.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::VaeHandle;

// A VAE in memory, and the memory reserved for running it.
struct Work {
  std::shared_ptr<const models::Vae> vae;
  memory::Residency::Hold memory;
  models::VaeRun run;
};

// Reserves the bytes that the whole picture takes (`wanted`), or the room that is left, but enough for the smallest
// tile.
Work start(Call& call, const VaeHandle& vae, const std::function<size_t(const models::Vae&)>& wanted,
           size_t (*smallest)(const models::Vae&)) {
  Work work;
  work.vae = vae.vae->get();
  memory::Residency& residency = call.context().residency;
  const size_t whole = wanted(*work.vae), room = residency.room(whole);
  work.memory = residency.hold(std::min(whole, std::max(room, smallest(*work.vae))), "VAE at work");
  work.run.memory_budget = room;
  work.run.progress = [&call](int done, int total) { call.part_done(done, total); };
  return work;
}

Work start_encoding(Call& call, const VaeHandle& handle, int64_t height, int64_t width) {
  return start(
      call, handle, [=](const models::Vae& vae) { return vae.encode_memory_estimate(height, width); },
      [](const models::Vae& vae) { return vae.encode_memory_estimate(models::kSmallestTile, models::kSmallestTile); });
}

Work start_decoding(Call& call, const VaeHandle& handle, int64_t height, int64_t width) {
  return start(
      call, handle, [=](const models::Vae& vae) { return vae.decode_memory_estimate(height, width); },
      [](const models::Vae& vae) {
        const int64_t side = models::kSmallestTile / vae.config().downscale;
        return vae.decode_memory_estimate(side, side);
      });
}

Work start_encoding(Call& call, const VaeHandle& vae, const Tensor& pixels) {
  return start_encoding(call, vae, pixels.dim(1), pixels.dim(2));
}

// The latent that a VAE encoded, with its format.
Latent encoded(const VaeHandle& vae, Tensor samples, Tensor noise_mask = {}) {
  return {std::move(samples), std::move(noise_mask), {}, vae.latents};
}

// The parameters that these nodes share.
struct WithVae {
  Linked<VaeHandle> vae;
};

void require_vae_memory(const Known<WithVae>& in, const Call& call) {
  if (const VaeHandle* vae = in(&WithVae::vae)) require_memory(call, *vae);
}

// --- Whole pictures and tiles ---

struct Decode : WithVae {
  Linked<Latent> samples;
};

Foreseen<Image> foresee_decoded(const Known<Decode>& in, Call& call) {
  require_vae_memory(in, call);
  const VaeHandle* vae = in(&WithVae::vae);
  const ForeseenLatent* known = in(&Decode::samples);
  if (!vae || !known) return {};
  const int64_t factor = vae->latents->factor;
  return {ForeseenPicture{known->width * factor, known->height * factor, known->count}};
}

Results<Image> decode(const Decode& in, Call& call) {
  const Tensor& samples = in.samples->samples;
  const Work work = start_decoding(call, *in.vae, samples.dim(1), samples.dim(2));
  return {work.vae->decode(samples, work.run)};
}

struct Encode : WithVae {
  Linked<Image> pixels;
};

// The latent of a picture, whose sides are cut to whole latent pixels.
std::optional<ForeseenLatent> encoded_size(const Known<Encode>& in) {
  const VaeHandle* vae = in(&WithVae::vae);
  const ForeseenPicture* known = in(&Encode::pixels);
  if (!vae || !known) return std::nullopt;
  return latents_for(*vae->latents, known->count, size_of(*known));
}

Foreseen<Latent> foresee_encoded(const Known<Encode>& in, Call& call) {
  require_vae_memory(in, call);
  return {encoded_size(in)};
}

Results<Latent> encode(const Encode& in, Call& call) {
  const Work work = start_encoding(call, *in.vae, *in.pixels);
  return {encoded(*in.vae, work.vae->encode(*in.pixels, work.run))};
}

// Inputs of workflows for video models; VAEs for pictures ignore them.
struct VideoTiles {
  int64_t temporal_size = 64, temporal_overlap = 8;
};

struct DecodeTiled : Decode, VideoTiles {
  int64_t tile_size = 512;
  std::optional<int64_t> overlap = 64;
};

Results<Image> decode_tiled(const DecodeTiled& in, Call& call) {
  const int64_t tile = in.tile_size;
  // Before the input existed, tiles overlapped by 16 latent pixels.
  int64_t overlap = in.overlap.value_or(128);
  if (in.overlap && tile < overlap * 4) overlap = tile / 4;
  // One estimate is enough for the three decodings that are averaged: their tiles have different shapes but one area.
  const int64_t side = tile / in.vae->latents->factor;
  const Work work = start_decoding(call, *in.vae, side, side);
  const int64_t scale = work.vae->config().downscale;
  return {work.vae->decode_tiled(in.samples->samples, tile / scale, overlap / scale, work.run)};
}

struct EncodeTiled : Encode, VideoTiles {
  int64_t tile_size = 512, overlap = 64;
};

Results<Latent> encode_tiled(const EncodeTiled& in, Call& call) {
  const Work work = start_encoding(call, *in.vae, in.tile_size, in.tile_size);
  return {encoded(*in.vae, work.vae->encode_tiled(*in.pixels, in.tile_size, in.overlap, work.run))};
}

Input<WithVae> vae_input() { return Link("vae", &WithVae::vae); }
Input<VideoTiles> temporal_size_input() {
  return Int("temporal_size", &VideoTiles::temporal_size)
      .range(4, 4096)
      .step(4)
      .added_later()
      .tip("Only for video models; has no effect.");
}
Input<VideoTiles> temporal_overlap_input() {
  return Int("temporal_overlap", &VideoTiles::temporal_overlap)
      .range(4, 4096)
      .step(4)
      .added_later()
      .tip("Only for video models; has no effect.");
}

void add_coding(Table& table) {
  table.add(NodeOf<Decode>{
      .name = "VAEDecode",
      .display = "VAE Decode",
      .category = "latent",
      .description = "Turns latents into pictures. Large ones are decoded in blended tiles when memory is short.",
      .inputs = {Link("samples", &Decode::samples).tip("The latent to decode."),
                 vae_input().tip("The VAE to decode it with.")},
      .outputs = {{.tip = "The picture."}},
      .run = decode,
      .foresee = foresee_decoded});
  table.add(NodeOf<Encode>{.name = "VAEEncode",
                           .display = "VAE Encode",
                           .category = "latent",
                           .description = "Turns pictures into latents.",
                           .inputs = {Link("pixels", &Encode::pixels), vae_input()},
                           .run = encode,
                           .foresee = foresee_encoded});
  table.add(NodeOf<DecodeTiled>{
      .name = "VAEDecodeTiled",
      .display = "VAE Decode (Tiled)",
      .category = "_for_testing",
      .description = "Decodes in overlapping tiles, which takes less memory and gives a slightly different picture.",
      .inputs = {Link("samples", &Decode::samples), vae_input(),
                 Int("tile_size", &DecodeTiled::tile_size).range(64, 4096).step(32).added_later(),
                 Int("overlap", &DecodeTiled::overlap).range(0, 4096).step(32).added_later(), temporal_size_input(),
                 temporal_overlap_input()},
      .run = decode_tiled,
      .foresee = [](const Known<DecodeTiled>& in, Call& call) { return foresee_decoded(in, call); }});
  table.add(NodeOf<EncodeTiled>{
      .name = "VAEEncodeTiled",
      .display = "VAE Encode (Tiled)",
      .category = "_for_testing",
      .description = "Encodes in overlapping tiles.",
      .inputs = {Link("pixels", &Encode::pixels), vae_input(),
                 Int("tile_size", &EncodeTiled::tile_size).range(64, 4096).step(64).added_later(),
                 Int("overlap", &EncodeTiled::overlap).range(0, 4096).step(32).added_later(), temporal_size_input(),
                 temporal_overlap_input()},
      .run = encode_tiled,
      .foresee = [](const Known<EncodeTiled>& in, Call& call) { return foresee_encoded(in, call); }});
}

// --- Masks and conditioning ---

// A picture and its mask in the same size, cropped at the centre to a multiple of `unit`.
struct Masked {
  Tensor pixels;  // [N,H,W,3], in memory of its own
  Tensor mask;    // [n,H,W]
};

Masked cut_to_units(const Tensor& pixels, const Tensor& mask, int64_t unit) {
  image::require_image(pixels, "pixels");
  image::require_mask(mask, "mask");
  const int64_t height = pixels.dim(1), width = pixels.dim(2);
  if (height < unit || width < unit)
    throw Error(Fault::kInvalid,
                "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " is too small to encode");
  const Tensor fitted =
      image::as_mask(image::resize(image::as_picture(mask), {width, height}, image::ResizeMethod::kBilinear));
  const int64_t y = height % unit / 2, x = width % unit / 2, h = height / unit * unit, w = width / unit * unit;
  return {clone(pixels.slice(3, 0, 3).slice(1, y, h).slice(2, x, w)), clone(fitted.slice(1, y, h).slice(2, x, w))};
}

// Paints the masked part mid grey. A single mask is used for every picture.
void grey_out(Masked& m) {
  const int64_t n = m.pixels.dim(0);
  if (m.mask.dim(0) != 1 && m.mask.dim(0) != n)
    throw Error(Fault::kInvalid, std::to_string(m.mask.dim(0)) + " masks for " + std::to_string(n) + " pictures")
        .at_input("mask");
  ops::update(
      m.pixels, [](auto v, auto mask) { return (v - 0.5f) * (1.0f - ops::round(mask)) + 0.5f; },
      image::as_picture(m.mask));
}

struct EncodeForInpaint : Encode {
  Linked<Mask> mask;
  int64_t grow_mask_by = 6;
};

Results<Latent> encode_for_inpaint(const EncodeForInpaint& in, Call& call) {
  const Work work = start_encoding(call, *in.vae, *in.pixels);
  Masked m = cut_to_units(*in.pixels, *in.mask, work.vae->config().downscale);
  grey_out(m);
  return {encoded(*in.vae, work.vae->encode(m.pixels, work.run), image::dilate_mask(m.mask, in.grow_mask_by))};
}

// The parameters of nodes that condition a model on a picture beside the text.
struct PictureConditioning : Encode {
  Linked<Conditioning> positive, negative;
};

Foreseen<Conditioning, Conditioning, Latent> foresee_conditioning(const Known<PictureConditioning>& in) {
  return {known_or_empty(in(&PictureConditioning::positive)), known_or_empty(in(&PictureConditioning::negative)),
          encoded_size(in)};
}

struct InpaintConditioning : PictureConditioning {
  Linked<Mask> mask;
  bool noise_mask = true;
};

Results<Conditioning, Conditioning, Latent> inpaint_conditioning(const InpaintConditioning& in, Call& call) {
  const Work work = start_encoding(call, *in.vae, *in.pixels);
  Masked m = cut_to_units(*in.pixels, *in.mask, work.vae->config().downscale);
  grey_out(m);
  const Tensor around = work.vae->encode(m.pixels, work.run);
  const auto with_surroundings = [&](Conditioning list) {
    for (auto& entry : list) {
      entry.concat_latent_image = around;
      entry.concat_mask = m.mask;
    }
    return list;
  };
  return {with_surroundings(*in.positive), with_surroundings(*in.negative),
          encoded(*in.vae, work.vae->encode(*in.pixels, work.run), in.noise_mask ? m.mask : Tensor())};
}

// Conditions on the picture to be edited, cropped at the centre to whole latent pixels; sampling starts from an empty
// latent.
Results<Conditioning, Conditioning, Latent> edit_conditioning(const PictureConditioning& in, Call& call) {
  const Tensor& pixels = *in.pixels;
  image::require_image(pixels, "pixels");
  const Work work = start_encoding(call, *in.vae, pixels);
  const int64_t unit = work.vae->config().downscale, height = pixels.dim(1), width = pixels.dim(2);
  const int64_t h = height / unit * unit, w = width / unit * unit;
  if (h == 0 || w == 0)
    throw Error(Fault::kInvalid,
                "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " is too small to encode")
        .at_input("pixels");
  const Tensor cut = contiguous(pixels.slice(1, height % unit / 2, h).slice(2, width % unit / 2, w));
  const Tensor around = work.vae->encode(cut, work.run);
  const auto with_picture = [&](Conditioning list) {
    for (auto& entry : list) entry.concat_latent_image = around;
    return list;
  };
  return {with_picture(*in.positive), with_picture(*in.negative), encoded(*in.vae, Tensor::zeros(around.shape()))};
}

}  // namespace

void register_vae_nodes(Table& table) {
  add_coding(table);
  table.add(NodeOf<EncodeForInpaint>{
      .name = "VAEEncodeForInpaint",
      .display = "VAE Encode (for Inpainting)",
      .category = "latent/inpaint",
      .description = "Encodes a picture whose masked part is greyed out, to be repainted.",
      .inputs = {Link("pixels", &Encode::pixels), vae_input(), Link("mask", &EncodeForInpaint::mask),
                 Int("grow_mask_by", &EncodeForInpaint::grow_mask_by).range(0, 64).step(1).added_later()},
      .run = encode_for_inpaint,
      .foresee = [](const Known<EncodeForInpaint>& in, Call& call) { return foresee_encoded(in, call); }});
  table.add(NodeOf<InpaintConditioning>{
      .name = "InpaintModelConditioning",
      .display = "InpaintModelConditioning",
      .category = "conditioning/inpaint",
      .description = "Gives an inpainting model the picture around the mask.",
      .inputs = {Link("positive", &PictureConditioning::positive), Link("negative", &PictureConditioning::negative),
                 vae_input(), Link("pixels", &Encode::pixels), Link("mask", &InpaintConditioning::mask),
                 Bool("noise_mask", &InpaintConditioning::noise_mask)
                     .added_later()
                     .tip("Restricts the sampling to the mask.")},
      .outputs = {{"positive"}, {"negative"}, {"latent"}},
      .run = inpaint_conditioning,
      .foresee = foresee_conditioning});
  table.add(NodeOf<PictureConditioning>{
      .name = "InstructPixToPixConditioning",
      .category = "conditioning/instructpix2pix",
      .description = "Gives an edit model (InstructPix2Pix) the picture to change.",
      .inputs = {Link("positive", &PictureConditioning::positive), Link("negative", &PictureConditioning::negative),
                 vae_input(), Link("pixels", &Encode::pixels)},
      .outputs = {{"positive"}, {"negative"}, {"latent"}},
      .run = edit_conditioning,
      .foresee = foresee_conditioning});
}

}  // namespace easel::nodes
