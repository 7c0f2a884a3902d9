// Nodes between pictures and latents.
#include <algorithm>
#include <cmath>
#include <functional>

#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "memory/resident.h"
#include "models/vae/vae.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "sampling/guidance/conditioning.h"

namespace easel::nodes {
namespace {

// A VAE, and memory to run it in.
struct Work {
  std::shared_ptr<const models::Vae> vae;
  memory::Residency::Hold memory;
  models::VaeRun run;
};

// What the node's VAE encodes.
Value encoded(Call& call, Tensor samples, Tensor noise_mask = {}) {
  return latent({std::move(samples), std::move(noise_mask), {}, call.link<models::VaeHandle>("vae").latents});
}

// `wanted` for the whole picture, or what there is room for, but at least for the smallest tile.
Work start(Call& call, const std::function<size_t(const models::Vae&)>& wanted,
           size_t (*smallest)(const models::Vae&)) {
  Work work;
  work.vae = call.link<models::VaeHandle>("vae").vae->get();
  memory::Residency& residency = call.context().residency;
  const size_t room = residency.room();
  work.memory = residency.hold(std::min(wanted(*work.vae), std::max(room, smallest(*work.vae))), "VAE at work");
  work.run.memory_budget = room;
  work.run.progress = [&call](int done, int total) { call.part_done(done, total); };
  return work;
}

Work start_encoding(Call& call, int64_t height, int64_t width) {
  return start(
      call, [=](const models::Vae& vae) { return vae.encode_memory_estimate(height, width); },
      [](const models::Vae& vae) { return vae.encode_memory_estimate(models::kSmallestTile, models::kSmallestTile); });
}

Work start_decoding(Call& call, int64_t height, int64_t width) {
  return start(
      call, [=](const models::Vae& vae) { return vae.decode_memory_estimate(height, width); },
      [](const models::Vae& vae) {
        const int64_t side = models::kSmallestTile / vae.config().downscale;
        return vae.decode_memory_estimate(side, side);
      });
}

Work start_encoding(Call& call) {
  const Tensor& pixels = call.tensor("pixels");
  return start_encoding(call, pixels.dim(1), pixels.dim(2));
}

Outputs decode(Call& call) {
  const Tensor& samples = call.latent("samples").samples;
  const Work work = start_decoding(call, samples.dim(1), samples.dim(2));
  return {image(work.vae->decode(samples, work.run))};
}

Outputs decode_tiled(Call& call) {
  const int64_t tile = call.integer("tile_size");
  // Workflows from before the input existed were decoded with tiles that overlap by 16 latent pixels.
  int64_t overlap = call.has("overlap") ? call.integer("overlap") : 128;
  if (call.has("overlap") && tile < overlap * 4) overlap = tile / 4;
  // Tiles of three shapes, one as large as the other.
  const int64_t side = tile / call.link<models::VaeHandle>("vae").latents->factor;
  const Work work = start_decoding(call, side, side);
  const int64_t scale = work.vae->config().downscale;
  return {image(work.vae->decode_tiled(call.latent("samples").samples, tile / scale, overlap / scale, work.run))};
}

Outputs encode(Call& call) {
  const Work work = start_encoding(call);
  return {encoded(call, work.vae->encode(call.tensor("pixels"), work.run))};
}

Outputs encode_tiled(Call& call) {
  const int64_t tile = call.integer("tile_size");
  const Work work = start_encoding(call, tile, tile);
  return {encoded(call, work.vae->encode_tiled(call.tensor("pixels"), tile, call.integer("overlap"), work.run))};
}

// A picture and its mask, brought to one size and cut at the centre to a multiple of `unit`.
struct Masked {
  Tensor pixels;  // [N,H,W,3], fresh
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

// Paints what the mask selects in mid grey. A mask of a batch of one serves all pictures.
void grey_out(Masked& m) {
  const int64_t n = m.pixels.dim(0), area = m.pixels.dim(1) * m.pixels.dim(2);
  if (m.mask.dim(0) != 1 && m.mask.dim(0) != n)
    throw Error(Fault::kInvalid, std::to_string(m.mask.dim(0)) + " masks for " + std::to_string(n) + " pictures")
        .at_input("mask");
  for (int64_t i = 0; i < n; ++i) {
    float* p = m.pixels.f32() + i * area * 3;
    const float* mask = m.mask.f32() + (m.mask.dim(0) == 1 ? 0 : i) * area;
    for (int64_t j = 0; j < area; ++j) {
      const float keep = 1.0f - std::nearbyint(mask[j]);
      for (int64_t c = 0; c < 3; ++c) p[j * 3 + c] = (p[j * 3 + c] - 0.5f) * keep + 0.5f;
    }
  }
}

// The rounded mask grown by a square of `by` pixels, which reaches ceil((by - 1) / 2) up and left.
Tensor grown(const Tensor& mask, int64_t by) {
  const int64_t n = mask.dim(0), h = mask.dim(1), w = mask.dim(2), back = (by - 1 + 1) / 2;
  Tensor out = Tensor::zeros(mask.shape());
  if (by == 0) {
    for (int64_t i = 0; i < mask.numel(); ++i) out.f32()[i] = std::nearbyint(mask.f32()[i]);
    return out;
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t y = 0; y < h; ++y) {
      for (int64_t x = 0; x < w; ++x) {
        if (std::nearbyint(mask.f32()[(i * h + y) * w + x]) == 0.0f) continue;
        // Every place whose window begins `back` before it and holds (y, x).
        for (int64_t oy = std::max<int64_t>(0, y + back - by + 1); oy <= std::min(h - 1, y + back); ++oy)
          std::fill_n(out.f32() + (i * h + oy) * w + std::max<int64_t>(0, x + back - by + 1),
                      std::min(w - 1, x + back) - std::max<int64_t>(0, x + back - by + 1) + 1, 1.0f);
      }
    }
  }
  return out;
}

Outputs encode_for_inpaint(Call& call) {
  const Work work = start_encoding(call);
  Masked m = cut_to_units(call.tensor("pixels"), call.tensor("mask"), work.vae->config().downscale);
  grey_out(m);
  return {encoded(call, work.vae->encode(m.pixels, work.run), grown(m.mask, call.integer("grow_mask_by")))};
}

sampling::Conditioning with_concat(const sampling::Conditioning& list, const Tensor& latent_image, const Tensor& mask) {
  sampling::Conditioning out = list;
  for (auto& entry : out) {
    entry.concat_latent_image = latent_image;
    entry.concat_mask = mask;
  }
  return out;
}

Outputs inpaint_conditioning(Call& call) {
  const Work work = start_encoding(call);
  Masked m = cut_to_units(call.tensor("pixels"), call.tensor("mask"), work.vae->config().downscale);
  grey_out(m);
  const Tensor around = work.vae->encode(m.pixels, work.run);
  const Tensor original = work.vae->encode(call.tensor("pixels"), work.run);
  return {Value("CONDITIONING", with_concat(call.link<sampling::Conditioning>("positive"), around, m.mask)),
          Value("CONDITIONING", with_concat(call.link<sampling::Conditioning>("negative"), around, m.mask)),
          encoded(call, original, call.flag("noise_mask") ? m.mask : Tensor())};
}

// The picture to be edited, cut at the centre to whole latent pixels; the latent to start from is empty.
Outputs edit_conditioning(Call& call) {
  const Tensor& pixels = call.tensor("pixels");
  image::require_image(pixels, "pixels");
  const Work work = start_encoding(call);
  const int64_t unit = work.vae->config().downscale, height = pixels.dim(1), width = pixels.dim(2);
  const int64_t h = height / unit * unit, w = width / unit * unit;
  if (h == 0 || w == 0)
    throw Error(Fault::kInvalid,
                "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " is too small to encode")
        .at_input("pixels");
  const Tensor cut = contiguous(pixels.slice(1, height % unit / 2, h).slice(2, width % unit / 2, w));
  const Tensor around = work.vae->encode(cut, work.run);
  const auto with_picture = [&](const char* input) {
    auto list = call.link<sampling::Conditioning>(input);
    for (auto& entry : list) entry.concat_latent_image = around;
    return Value("CONDITIONING", std::move(list));
  };
  return {with_picture("positive"), with_picture("negative"), encoded(call, Tensor::zeros(around.shape()))};
}

Outputs foresee_inpaint(Call& call) {
  return {foreseen(foreseen_conditioning(call, "positive")), foreseen(foreseen_conditioning(call, "negative")),
          Value()};
}

Outputs foresee_vae(Call& call) {
  if (const auto* vae = call.peek<models::VaeHandle>("vae")) require_memory(call, *vae);
  return {Value()};
}

// Kept for workflows of video models; a picture's VAE has no use for them.
In video_only(std::string name, int64_t value) {
  return Int(std::move(name)).def(value).range(4, 4096).step(4).late().tip("Only for video models; has no effect.");
}

}  // namespace

void register_vae_nodes(Table& table) {
  table.add(
      {.name = "VAEDecode",
       .display = "VAE Decode",
       .category = "latent",
       .description = "Turns latents into pictures. Large ones are decoded in blended tiles when memory is short.",
       .inputs = {Link("samples", "LATENT").tip("The latent to decode."),
                  Link("vae", "VAE").tip("The VAE to decode it with.")},
       .outputs = {{"IMAGE", "", "The picture."}},
       .run = decode,
       .foresee = foresee_vae});
  table.add({.name = "VAEEncode",
             .display = "VAE Encode",
             .category = "latent",
             .description = "Turns pictures into latents.",
             .inputs = {Link("pixels", "IMAGE"), Link("vae", "VAE")},
             .outputs = {{"LATENT"}},
             .run = encode,
             .foresee = foresee_vae});
  table.add(
      {.name = "VAEDecodeTiled",
       .display = "VAE Decode (Tiled)",
       .category = "_for_testing",
       .description = "Decodes in overlapping tiles, which takes less memory and gives a slightly different picture.",
       .inputs = {Link("samples", "LATENT"), Link("vae", "VAE"), Int("tile_size").def(512).range(64, 4096).step(32),
                  Int("overlap").def(64).range(0, 4096).step(32).late(), video_only("temporal_size", 64),
                  video_only("temporal_overlap", 8)},
       .outputs = {{"IMAGE"}},
       .run = decode_tiled});
  table.add({.name = "VAEEncodeTiled",
             .display = "VAE Encode (Tiled)",
             .category = "_for_testing",
             .description = "Encodes in overlapping tiles.",
             .inputs = {Link("pixels", "IMAGE"), Link("vae", "VAE"), Int("tile_size").def(512).range(64, 4096).step(64),
                        Int("overlap").def(64).range(0, 4096).step(32).late(), video_only("temporal_size", 64),
                        video_only("temporal_overlap", 8)},
             .outputs = {{"LATENT"}},
             .run = encode_tiled});
  table.add({.name = "VAEEncodeForInpaint",
             .display = "VAE Encode (for Inpainting)",
             .category = "latent/inpaint",
             .description = "Encodes a picture with the masked part greyed out, to be painted anew.",
             .inputs = {Link("pixels", "IMAGE"), Link("vae", "VAE"), Link("mask", "MASK"),
                        Int("grow_mask_by").def(6).range(0, 64).step(1)},
             .outputs = {{"LATENT"}},
             .run = encode_for_inpaint});
  table.add({.name = "InpaintModelConditioning",
             .display = "InpaintModelConditioning",
             .category = "conditioning/inpaint",
             .description = "Gives an inpainting model what surrounds the mask.",
             .inputs = {Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"), Link("vae", "VAE"),
                        Link("pixels", "IMAGE"), Link("mask", "MASK"),
                        Bool("noise_mask").def(true).late().tip("Confines the sampling to the mask.")},
             .outputs = {{"CONDITIONING", "positive"}, {"CONDITIONING", "negative"}, {"LATENT", "latent"}},
             .run = inpaint_conditioning,
             .foresee = foresee_inpaint});
  table.add({.name = "InstructPixToPixConditioning",
             .category = "conditioning/instructpix2pix",
             .description = "Gives an edit model (InstructPix2Pix) the picture to change.",
             .inputs = {Link("positive", "CONDITIONING"), Link("negative", "CONDITIONING"), Link("vae", "VAE"),
                        Link("pixels", "IMAGE")},
             .outputs = {{"CONDITIONING", "positive"}, {"CONDITIONING", "negative"}, {"LATENT", "latent"}},
             .run = edit_conditioning,
             .foresee = foresee_inpaint});
}

}  // namespace easel::nodes
