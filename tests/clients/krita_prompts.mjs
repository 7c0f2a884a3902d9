// Prompts of the shape that krita-ai-diffusion's builder makes for SD 1.5 and SDXL. Written anew after what it does.
// Sizes are [width, height].

import { createHash } from "node:crypto";

// Nodes in the API's form; every node is added once its inputs exist.
export class Graph {
  nodes = {};
  count = 0;
  pictures = {}; // what is sent before the prompt, by id

  // Adds a node; the result stands for its first output, `.at(n)` for the others.
  add(type, inputs = {}) {
    const id = String(++this.count);
    const given = Object.entries(inputs).filter(([, value]) => value !== undefined);
    this.nodes[id] = { class_type: type, inputs: Object.fromEntries(given) };
    return [id, 0];
  }
  // An id stands for one content.
  picture(bytes) {
    const id = createHash("sha1").update(bytes).digest("hex").slice(0, 8);
    this.pictures[id] = bytes;
    return this.add("ETN_LoadImageCache", { id });
  }
  mask(bytes) {
    return at(this.picture(bytes), 1);
  }
}

export const at = ([node], output) => [node, output];

const families = {
  sd15: {
    checkpoint: "v1-5-pruned-emaonly.safetensors",
    adapter: "ip-adapter_sd15.bin",
    control: { inpaint: "control_v11p_sd15_inpaint.safetensors", tile: "control_v11f1e_sd15_tile.safetensors" },
    hyper: "Hyper-SD15-8steps-CFG-lora.safetensors",
  },
  sdxl: {
    checkpoint: "sd_xl_base_1.0.safetensors",
    adapter: "ip-adapter_sdxl_vit-h.safetensors",
    control: { tile: "xinsirtile.safetensors" },
    hyper: "Hyper-SDXL-8steps-CFG-lora.safetensors",
  },
};
// File names of ControlNets by what they follow.
export const controlNets = {
  sd15: ["scribble", "lineart", "softedge", "canny", "depth", "normalbae", "openpose", "seg"].map((kind) => `control_v11p_sd15_${kind}.safetensors`),
  sdxl: ["xinsirscribble.safetensors", "xinsircanny.safetensors", "xinsirdepth.safetensors", "xinsiropenpose.safetensors"],
};

const defaults = {
  sampler: "dpmpp_2m",
  scheduler: "karras",
  steps: 4,
  start: 0,
  cfg: 7,
  seed: 1234,
};

class Builder extends Graph {
  constructor(family) {
    super();
    this.family = families[family];
    this.name = family;
  }

  load({ clipSkip, loras = [], selfAttention = false, caching = false } = {}) {
    const checkpoint = this.add("CheckpointLoaderSimple", { ckpt_name: this.family.checkpoint });
    let model = checkpoint;
    let clip = at(checkpoint, 1);
    if (caching) model = this.add("EasyCache", { model, reuse_threshold: 0.2, start_percent: 0.15, end_percent: 0.95, verbose: false });
    if (clipSkip) clip = this.add("CLIPSetLastLayer", { clip, stop_at_clip_layer: -clipSkip });
    for (const lora of loras) {
      model = this.add("LoraLoader", { model, clip, lora_name: lora, strength_model: 0.8, strength_clip: 0.8 });
      clip = at(model, 1);
    }
    if (selfAttention) model = this.add("SelfAttentionGuidance", { model, scale: 0.5, blur_sigma: 2.0 });
    return { model, clip, vae: at(checkpoint, 2) };
  }

  text(clip, text) {
    const out = this.add("CLIPTextEncode", { clip, text });
    return text === "" && this.name === "sdxl" ? this.add("ConditioningZeroOut", { conditioning: out }) : out;
  }
  prompt(clip, positive = "a barn in the rain", negative = "blurry") {
    return { positive: this.text(clip, positive), negative: this.text(clip, negative) };
  }

  sample(model, { positive, negative }, latent, options = {}) {
    const { sampler, scheduler, steps, start, cfg, seed } = { ...defaults, ...options };
    const guider = cfg === 1 ? this.add("BasicGuider", { model, conditioning: positive }) : this.add("CFGGuider", { model, positive, negative, cfg });
    let sigmas =
      scheduler === "polyexponential"
        ? this.add("PolyexponentialScheduler", { steps, sigma_max: 14.614642, sigma_min: 0.0291675, rho: 1 })
        : scheduler === "ays"
          ? this.add("AlignYourStepsScheduler", { steps, model_type: this.name === "sd15" ? "SD1" : "SDXL", denoise: 1 })
          : scheduler === "gits"
            ? this.add("GITSScheduler", { steps, coeff: 1.2, denoise: 1 })
            : this.add("BasicScheduler", { model, scheduler, steps, denoise: 1 });
    if (start > 0) sigmas = at(this.add("SplitSigmas", { sigmas, step: start }), 1);
    const noise = this.add("RandomNoise", { noise_seed: seed });
    const chosen = sampler === "euler_cfgpp" ? this.add("SamplerEulerCFGpp", { version: "regular" }) : this.add("KSamplerSelect", { sampler_name: sampler });
    return at(this.add("SamplerCustomAdvanced", { noise, guider, sampler: chosen, sigmas, latent_image: latent }), 1);
  }

  scale(image, [width, height], upscale_method = "lanczos") {
    return this.add("ImageScale", { image, width, height, upscale_method, crop: "disabled" });
  }
  scaleMask(mask, size) {
    const image = this.add("MaskToImage", { mask });
    return this.add("ImageToMask", { image: this.scale(image, size, "bilinear"), channel: "red" });
  }
  crop(image, [x, y, width, height]) {
    return this.add("ImageCrop", { image, x, y, width, height });
  }
  cropMask(mask, [x, y, width, height]) {
    return this.add("CropMask", { mask, x, y, width, height });
  }
  encode(vae, pixels) {
    return this.add("VAEEncode", { vae, pixels });
  }
  decode(vae, samples, tiled = false) {
    const tiles = { tile_size: 512, overlap: 64, temporal_size: 64, temporal_overlap: 8 };
    return tiled ? this.add("VAEDecodeTiled", { vae, samples, ...tiles }) : this.add("VAEDecode", { vae, samples });
  }
  send(images) {
    this.result = this.add("ETN_SaveImageCache", { images, format: "PNG" });
    return this;
  }

  upscaled(name, image) {
    const upscale_model = this.add("UpscaleModelLoader", { model_name: name });
    return this.add("ImageUpscaleWithModel", { upscale_model, image });
  }

  // A control layer. Hints of another size are brought to that of the picture, lines are white on black.
  control({ positive, negative }, { file, image, vae, size, lines = false, strength = 0.8, range = [0, 0.9] }) {
    let hint = image;
    if (size) hint = this.add("HintImageEnchance", { hint_image: hint, image_gen_width: size[0], image_gen_height: size[1], resize_mode: "Just Resize" });
    if (lines) hint = this.add("ImageInvert", { image: hint });
    const control_net = this.add("ControlNetLoader", { control_net_name: file });
    const out = this.add("ControlNetApplyAdvanced", { positive, negative, control_net, image: hint, vae, strength, start_percent: range[0], end_percent: range[1] });
    return { positive: out, negative: at(out, 1) };
  }

  // Reference pictures, which are encoded by themselves and applied together.
  reference(model, images, { type = "linear", mask, range = [0.2, 0.8], weight = 0.5 } = {}) {
    const clip_vision = this.add("CLIPVisionLoader", { clip_name: "clip-vision_vit-h.safetensors" });
    const ipadapter = this.add("IPAdapterModelLoader", { ipadapter_file: this.family.adapter });
    const embeds = images.map((image) => this.add("IPAdapterEncoder", { image, weight, ipadapter, clip_vision }));
    const named = Object.fromEntries(embeds.map((embed, i) => [`embed${i + 1}`, embed]));
    const pos_embed = embeds.length > 1 ? this.add("IPAdapterCombineEmbeds", { method: "concat", ...named }) : embeds[0];
    return this.add("IPAdapterEmbeds", {
      model, ipadapter, pos_embed, clip_vision, weight: 1, weight_type: type, embeds_scaling: "V only",
      start_at: range[0], end_at: range[1], attn_mask: mask,
    });
  }

  // Texts for parts of the picture; the first is for what the others leave.
  regions(model, clip, [background, ...others]) {
    let regions = this.add("ETN_BackgroundRegion", { conditioning: this.text(clip, background) });
    for (const { mask, text } of others) regions = this.add("ETN_DefineRegion", { regions, mask, conditioning: this.text(clip, text) });
    return this.add("ETN_AttentionMask", { model, regions });
  }
}

// From nothing; `desired` larger than `initial` adds a pass at that size.
export function generate(family, { initial = [128, 96], desired, target, batch = 1, options, load, negative, loras } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load({ ...load, loras });
  const latent = w.add("EmptyLatentImage", { width: initial[0], height: initial[1], batch_size: batch });
  const prompt = w.prompt(clip, undefined, negative);
  let image = w.decode(vae, w.sample(model, prompt, latent, options));
  if (desired) {
    image = w.scale(w.upscaled("4x_NMKD-Superscale-SP_178000_G.pth", image), desired);
    const again = w.sample(model, prompt, w.encode(vae, image), { ...options, steps: 5, start: 3 });
    image = w.decode(vae, again, true);
  }
  if (target) image = w.scale(w.upscaled("OmniSR_X2_DIV2K.safetensors", image), target);
  return w.send(image);
}

// The live mode's: few steps with a LoRA for that, weak guidance.
export function live(family, picture) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load({ loras: [w.family.hyper] });
  const latent = w.encode(vae, w.picture(picture));
  const sampled = w.sample(model, w.prompt(clip), latent, { sampler: "euler", scheduler: "sgm_uniform", steps: 4, start: 2, cfg: 3.5 });
  return w.send(w.decode(vae, sampled));
}

export function refine(family, picture, { size = [128, 96], batch = 2 } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load({ clipSkip: 2, selfAttention: true });
  const image = w.scale(w.picture(picture), size);
  const samples = w.add("RepeatLatentBatch", { samples: w.encode(vae, image), amount: batch });
  return w.send(w.decode(vae, w.sample(model, w.prompt(clip), samples, { steps: 5, start: 3 })));
}

// Fills what is selected. `fill`: how the hole is closed before; `network`: with what knows how to inpaint.
export function inpaint(family, picture, mask, { size, bounds, fill = "blur", network = true, reference = true, upscale } = {}) {
  const w = new Builder(family);
  const loaded = w.load();
  const { clip, vae } = loaded;
  let model = w.add("DifferentialDiffusion", { model: loaded.model });
  const original = model;
  let image = w.scale(w.picture(picture), size);
  const selected = w.mask(mask);
  let grown = w.add("INPAINT_ExpandMask", { mask: selected, grow: 8, blur: 5, blur_type: "linear" });
  const cropped = w.cropMask(grown, bounds);
  grown = w.add("INPAINT_StabilizeMask", { mask: w.scaleMask(grown, size), epsilon: 0.01 });
  const hole = w.scaleMask(w.add("INPAINT_ExpandMask", { mask: selected, grow: 5, blur: 0, blur_type: "gaussian" }), size);
  const before = image;
  if (fill === "blur") image = w.add("INPAINT_MaskedBlur", { image, mask: hole, blur: 65, falloff: 9 });
  if (fill === "border") {
    image = w.add("INPAINT_MaskedFill", { image, mask: hole, fill: "navier-stokes", falloff: 0 });
    image = w.add("INPAINT_MaskedBlur", { image, mask: hole, blur: 65, falloff: 0 });
  }
  if (fill === "neutral") image = w.add("INPAINT_MaskedFill", { image, mask: hole, fill: "neutral", falloff: 9 });
  if (fill === "replace") image = w.add("INPAINT_MaskedFill", { image, mask: hole, fill: "neutral", falloff: 0 });

  if (reference) model = w.reference(model, [before]);
  let prompt = w.prompt(clip, "");
  let latent;
  let sampled = model;
  if (network && family === "sd15") {
    const hint = w.add("InpaintPreprocessor", { image: before, mask: grown, black_pixel_for_xinsir_cn: false });
    prompt = w.control(prompt, { file: w.family.control.inpaint, image: hint, vae, strength: 1, range: [0, 1] });
  }
  if (network && family === "sdxl") {
    const made = w.add("INPAINT_VAEEncodeInpaintConditioning", { vae, pixels: image, mask: grown, positive: prompt.positive, negative: prompt.negative });
    prompt = { positive: made, negative: at(made, 1) };
    latent = at(made, 3);
    const patch = w.add("INPAINT_LoadFooocusInpaint", { head: "fooocus_inpaint_head.pth", patch: "inpaint_v26.fooocus.patch" });
    sampled = w.add("INPAINT_ApplyFooocusInpaint", { model, patch, latent: at(made, 2) });
  } else {
    latent = w.add("SetLatentNoiseMask", { samples: w.encode(vae, image), mask: grown });
  }
  let out = w.sample(sampled, prompt, latent);
  const [, , width, height] = bounds;
  if (upscale) {
    // A second pass over the part alone, at twice its size.
    const part = w.crop(w.decode(vae, out), bounds);
    const large = [2 * width, 2 * height];
    const mask2 = w.scaleMask(cropped, large);
    const pixels = w.scale(w.upscaled("OmniSR_X2_DIV2K.safetensors", part), large);
    const samples = w.add("SetLatentNoiseMask", { samples: w.encode(vae, pixels), mask: mask2 });
    out = w.decode(vae, w.sample(original, w.prompt(clip), samples, { steps: 5, start: 3 }));
    out = w.add("INPAINT_ColorMatch", { target: out, reference: w.crop(image, bounds), exclude_mask: mask2, strength: 0.5 });
    out = w.scale(out, [width, height]);
  } else {
    out = w.add("INPAINT_ColorMatch", { target: w.decode(vae, out), reference: image, exclude_mask: grown, strength: 0.5 });
    out = w.crop(out, bounds);
  }
  let composite = w.add("ThresholdMask", { mask: cropped, value: 0 });
  composite = w.add("INPAINT_ShrinkMask", { mask: composite, shrink: 4, blur: 9, blur_type: "gaussian" });
  return w.send(w.add("ETN_ApplyMaskToImage", { image: out, mask: composite }));
}

// What is selected painted over in part.
export function refineRegion(family, picture, mask, { size }) {
  const w = new Builder(family);
  const loaded = w.load();
  const { clip, vae } = loaded;
  const model = w.add("DifferentialDiffusion", { model: loaded.model });
  const image = w.scale(w.picture(picture), size);
  const grown = w.add("INPAINT_ExpandMask", { mask: w.mask(mask), grow: 4, blur: 7, blur_type: "linear" });
  const samples = w.add("SetLatentNoiseMask", { samples: w.encode(vae, image), mask: w.scaleMask(grown, size) });
  const out = w.decode(vae, w.sample(model, w.prompt(clip), samples, { steps: 5, start: 2 }));
  const composite = w.add("INPAINT_ShrinkMask", { mask: w.add("ThresholdMask", { mask: grown, value: 0 }), shrink: 3, blur: 7, blur_type: "gaussian" });
  return w.send(w.add("ETN_ApplyMaskToImage", { image: out, mask: composite }));
}

export function upscaleSimple(picture, size) {
  const w = new Builder("sd15");
  return w.send(w.scale(w.upscaled("4x_NMKD-Superscale-SP_178000_G.pth", w.picture(picture)), size));
}

// Tile by tile, each guided by its own part of the picture. As the server lays tiles out, so does the client.
export function upscaleTiled(family, picture, size, { tile = 96, padding = 16, blending = 8, regions } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load();
  const small = w.picture(picture);
  const large = w.scale(w.upscaled("4x_NMKD-Superscale-SP_178000_G.pth", small), size);
  const layout = w.add("ETN_TileLayout", { image: large, min_tile_size: tile, padding, blending, multiple: 16 });
  const tiles = size.map((side) => Math.max(1, Math.floor(side / (tile - 2 * padding)))).reduce((a, b) => a * b);
  let out = large;
  for (let index = 0; index < tiles; ++index) {
    const image = w.add("ETN_ExtractImageTile", { image: large, layout, index });
    const mask = w.add("ETN_GenerateTileMask", { layout, index });
    let tileModel = model;
    if (regions) {
      const part = w.add("ETN_ExtractMaskTile", { mask: w.scaleMask(w.mask(regions), size), layout, index });
      tileModel = w.regions(model, clip, ["a field", { mask: part, text: "a barn" }]);
    }
    let prompt = w.prompt(clip);
    const hint = w.add("ETN_ExtractImageTile", { image: w.scale(small, size), layout, index });
    prompt = w.control(prompt, { file: w.family.control.tile, image: hint, vae });
    const samples = w.add("SetLatentNoiseMask", { samples: w.encode(vae, image), mask });
    const painted = w.decode(vae, w.sample(tileModel, prompt, samples, { steps: 4, start: 2 }));
    out = w.add("ETN_MergeImageTile", { image: out, layout, index, tile: painted });
  }
  return w.send(out);
}

export function control(family, file, picture, { size = [128, 96], lines = false } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load();
  const prompt = w.control(w.prompt(clip), { file, image: w.picture(picture), vae, size, lines });
  const latent = w.add("EmptyLatentImage", { width: size[0], height: size[1], batch_size: 1 });
  return w.send(w.decode(vae, w.sample(model, prompt, latent)));
}

// Three kinds of reference layers, one behind the other; the first of two pictures.
export function references(family, picture, { size = [128, 96] } = {}) {
  const w = new Builder(family);
  const loaded = w.load();
  const { clip, vae } = loaded;
  const image = w.picture(picture);
  let model = w.reference(loaded.model, [image, w.add("ImageInvert", { image })]);
  model = w.reference(model, [image], { type: "style transfer", range: [0, 1] });
  model = w.reference(model, [image], { type: "composition", range: [0, 0.5] });
  const latent = w.add("EmptyLatentImage", { width: size[0], height: size[1], batch_size: 1 });
  return w.send(w.decode(vae, w.sample(model, w.prompt(clip), latent)));
}

// Two regions over a background, one of them with a reference picture of its own.
export function regional(family, picture, masks, { size = [128, 96] } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load();
  const parts = masks.map((mask, i) => ({ mask: w.mask(mask), text: ["a red barn", "a green tree"][i] }));
  let patched = w.regions(model, clip, ["a field", ...parts]);
  patched = w.reference(patched, [w.picture(picture)], { mask: parts[0].mask, range: [0, 1] });
  const latent = w.add("EmptyLatentImage", { width: size[0], height: size[1], batch_size: 1 });
  return w.send(w.decode(vae, w.sample(patched, w.prompt(clip), latent)));
}

// A region of which LoRAs are a part: its text is encoded with them, and counts where its mask is.
export function regionalLoras(family, masks, { size = [128, 96] } = {}) {
  const w = new Builder(family);
  const { model, clip, vae } = w.load();
  const hooks = w.add("CreateHookLora", { lora_name: w.family.hyper, strength_model: 0.7, strength_clip: 0.7 });
  const hooked = w.add("SetClipHooks", { clip, hooks, apply_to_conds: true, schedule_clip: false });
  const parts = [
    { clip, text: "a field" },
    { clip: hooked, text: "a red barn", mask: w.mask(masks[0]) },
    { clip, text: "a green tree", mask: w.mask(masks[1]) },
  ];
  let regions;
  for (const part of parts) {
    part.positive = w.text(part.clip, part.text);
    part.negative = w.text(part.clip, "blurry");
    regions = regions
      ? w.add("ETN_DefineRegion", { regions, mask: part.mask, conditioning: part.positive })
      : w.add("ETN_BackgroundRegion", { conditioning: part.positive });
  }
  const patched = w.add("ETN_AttentionMask", { model, regions });
  const image = w.add("MaskToImage", { mask: w.add("ETN_ListRegionMasks", { regions }) });
  let pair;
  parts.forEach((part, index) => {
    const one = w.add("ImageFromBatch", { image, batch_index: index, length: 1 });
    const inputs = { positive_NEW: part.positive, negative_NEW: part.negative, mask: w.add("ImageToMask", { image: one, channel: "red" }), strength: 1, set_cond_area: "default" };
    pair = pair
      ? w.add("PairConditioningSetPropertiesAndCombine", { positive: pair, negative: at(pair, 1), ...inputs })
      : w.add("PairConditioningSetProperties", inputs);
  });
  const latent = w.add("EmptyLatentImage", { width: size[0], height: size[1], batch_size: 1 });
  return w.send(w.decode(vae, w.sample(patched, { positive: pair, negative: at(pair, 1) }, latent)));
}

// A control layer's picture out of the canvas.
export function controlImage(type, picture, { resolution = 512, size, lines = false, ...inputs } = {}) {
  const w = new Builder("sd15");
  const made = w.add(type, { image: w.picture(picture), resolution, ...inputs });
  return w.send(w.scale(lines ? w.add("ImageInvert", { image: made }) : made, size));
}

// A graph of the artist's own: what Krita has put in place of its nodes, and what it is told.
export function custom(picture) {
  const w = new Graph();
  const image = w.add("ImageInvert", { image: w.picture(picture) });
  w.add("ETN_KritaOutput", { images: image, x: 8, y: 16, name: "inverted", batch_mode: "default", resize_canvas: false });
  w.add("ETN_KritaSendText", { value: w.add("PrimitiveInt", { value: 7 }), name: "Seven", type: "text" });
  return w;
}
