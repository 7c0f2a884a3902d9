// krita_models.mjs EASEL FOLDER: makes synthetic model files under the names that krita-ai-diffusion looks for; by itself
// those that `easel synth` does not make: upscalers, an SDXL LoRA, Fooocus' inpaint patch.
import { execFileSync } from "node:child_process";
import { open, readFile, symlink, writeFile, mkdir } from "node:fs/promises";
import { controlNets } from "./krita_prompts.mjs";

const [, , easel, folder] = process.argv;
const made = [
  "v1-5-pruned", "sd-v1-5-inpainting", "sd_xl_base", "vae-ft-mse", "IPAdapter_image_encoder_sd15", "ip-adapter_sd15.bin",
  "ip-adapter_sdxl_vit-h", "control_v11p_sd15_canny", "sdxl_canny_original", "loras/sd15_style",
  "controlnet_aux/depth_anything_v2_vits", "controlnet_aux/yolox_l", "controlnet_aux/dw-ll_ucoco_384",
];
execFileSync(easel, ["synth", folder, "--extra", ...made.flatMap((name) => ["--only", name])], { stdio: "ignore" });

// Values of a formula that look like noise, from -scale to scale.
function noise(count, scale, seed) {
  const out = new Float32Array(count);
  for (let i = 0; i < count; ++i) out[i] = scale * (((Math.sin((i + 1) * 12.9898 + seed) * 43758.5453) % 1) || 0);
  return Buffer.from(out.buffer);
}

// tensors: {name: {dtype, shape, data}}
async function writeSafetensors(path, tensors) {
  const header = {};
  const parts = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, (offset += data.length)] };
    parts.push(data);
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, Buffer.from(text), ...parts]));
}

async function shapes(path) {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const text = Buffer.alloc(Number(buffer.readBigUInt64LE()));
  await file.read(text, 0, text.length, 8);
  await file.close();
  return JSON.parse(text.toString());
}

const f32 = (shape, scale, seed) => ({ dtype: "F32", shape, data: noise(shape.reduce((a, b) => a * b), scale, seed) });

// A compact network: three layers, then pixels shuffled.
function upscaler(factor) {
  const out = 3 * factor * factor;
  return {
    "body.0.weight": f32([8, 3, 3, 3], 0.1, 1), "body.0.bias": f32([8], 0.01, 2), "body.1.weight": f32([8], 0.1, 3),
    "body.2.weight": f32([out, 8, 3, 3], 0.02, 4), "body.2.bias": f32([out], 0.01, 5),
  };
}

for (const kind of ["loras", "upscale_models", "inpaint"]) await mkdir(`${folder}/${kind}`, { recursive: true });
await writeSafetensors(`${folder}/upscale_models/4x_NMKD-Superscale-SP_178000_G.pth`, upscaler(4));
await writeSafetensors(`${folder}/upscale_models/OmniSR_X2_DIV2K.safetensors`, upscaler(2));

// Fooocus' patch changes weights by values of 8 bits between two bounds.
const prefix = "model.diffusion_model.";
const sdxl = await shapes(`${folder}/checkpoints/sd_xl_base_1.0.safetensors`);
const patch = {};
let first = 0;
for (const [name, { shape }] of Object.entries(sdxl)) {
  if (!name.startsWith(`${prefix}input_blocks`) || !name.endsWith(".weight") || shape.length < 2) continue;
  const count = shape.reduce((a, b) => a * b);
  if (name === `${prefix}input_blocks.0.0.weight`) first = shape[0];
  const key = `diffusion_model.${name.slice(prefix.length)}`;
  const bound = (value) => ({ dtype: "F32", shape: [1], data: Buffer.from(new Float32Array([value]).buffer) });
  patch[`${key}.0`] = { dtype: "U8", shape, data: Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 37) % 256)) };
  patch[`${key}.1`] = bound(-0.002);
  patch[`${key}.2`] = bound(0.002);
}
await writeSafetensors(`${folder}/inpaint/inpaint_v26.fooocus.patch`, patch);
await writeSafetensors(`${folder}/inpaint/fooocus_inpaint_head.pth`, { head: f32([first, 5, 3, 3], 0.05, 6) });
// A LoRA of rank 2 for one matrix.
const [, { shape: matrix }] = Object.entries(sdxl).find(([name]) => name === `${prefix}input_blocks.4.1.proj_in.weight`);
await writeSafetensors(`${folder}/loras/Hyper-SDXL-8steps-CFG-lora.safetensors`, {
  "lora_unet_input_blocks_4_1_proj_in.lora_up.weight": f32([matrix[0], 2], 0.1, 8),
  "lora_unet_input_blocks_4_1_proj_in.lora_down.weight": f32([2, matrix[1]], 0.1, 9),
});
// Looked for, and only needed where an object is removed.
await writeSafetensors(`${folder}/inpaint/MAT_Places512_G_fp16.safetensors`, { "synthesis.empty": f32([1], 1, 7) });

const links = [
  ["controlnet/control_v11p_sd15_canny_fp16.safetensors", "controlnet", ["control_v11p_sd15_inpaint.safetensors", "control_v11f1e_sd15_tile.safetensors", ...controlNets.sd15]],
  ["controlnet/sdxl_canny_original.safetensors", "controlnet", ["xinsirtile.safetensors", ...controlNets.sdxl]],
  ["clip_vision/IPAdapter_image_encoder_sd15.safetensors", "clip_vision", ["clip-vision_vit-h.safetensors"]],
  ["loras/sd15_style.safetensors", "loras", ["Hyper-SD15-8steps-CFG-lora.safetensors"]],
  ["controlnet_aux/depth_anything_v2_vits.pth", "controlnet_aux", ["depth_anything_v2_vitb.pth"]],
];
for (const [from, kind, names] of links) {
  await readFile(`${folder}/${from}`);
  for (const name of names) await symlink(`../${from}`, `${folder}/${kind}/${name}`).catch((e) => e.code === "EEXIST" || Promise.reject(e));
}
