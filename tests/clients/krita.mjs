// What krita-ai-diffusion does when it connects, and prompts of the shape that its builder makes, over HTTP and
// WebSocket.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { deflateSync } from "node:zlib";
import { randomUUID } from "node:crypto";
import * as prompts from "./krita_prompts.mjs";
import { within } from "./workflow.mjs";

const WebSocket = globalThis.WebSocket ?? (await import("ws")).default;  // Node.js below 22 has none

const url = process.env.EASEL_URL;
const client = randomUUID();
const json = async (path, body) => {
  const answer = await fetch(`${url}/${path}`, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
};

// --- Connecting ---

const stats = await json("system_stats");
assert.ok(stats.devices[0].name && stats.devices[0].type && stats.devices[0].vram_total > 0);

const nodes = await json("object_info");
const required = [
  "InpaintPreprocessor", "DepthAnythingV2Preprocessor", "IPAdapterModelLoader", "IPAdapter", "ETN_LoadImageCache", "ETN_SaveImageCache",
  "ETN_Translate", "INPAINT_LoadFooocusInpaint", "INPAINT_ShrinkMask", "INPAINT_StabilizeMask", "INPAINT_ColorMatch",
];
for (const name of required) assert.ok(name in nodes, `${name} is missing`);

const options = (node, input) => {
  const [type, about] = nodes[node].input.required[input];
  return type === "COMBO" ? about.options : type;
};
// A file of which every part of the pattern is in the name.
const found = (list, pattern) => list.some((name) => pattern.toLowerCase().split("*").every((part) => name.toLowerCase().includes(part)));
for (const [node, input, patterns] of [
  ["ControlNetLoader", "control_net_name", ["control_v11p_sd15_inpaint", "control_v11f1e_sd15_tile"]],
  ["IPAdapterModelLoader", "ipadapter_file", ["ip-adapter_sd15", "ip-adapter_sdxl_vit-h"]],
  ["CLIPVisionLoader", "clip_name", ["clip-vision_vit-h.safetensors"]],
  ["LoraLoader", "lora_name", ["Hyper-SD15-8steps-CFG-lora", "Hyper-SDXL-8steps-CFG-lora"]],
  ["UpscaleModelLoader", "model_name", ["4x_NMKD-Superscale-SP_178000_G.pth", "OmniSR_X2_DIV2K.safetensors"]],
  ["INPAINT_LoadInpaintModel", "model_name", ["fooocus_inpaint_head.pth", "inpaint_v26.fooocus", "MAT_Places512_G_fp16"]],
])
  for (const pattern of patterns) assert.ok(found(options(node, input), pattern), `no ${pattern} in ${node}`);
options("DualCLIPLoader", "clip_name1");
options("VAELoader", "vae_name");

assert.deepEqual(await json("api/etn/languages"), []);
assert.equal(await json("api/etn/translate/de/ein%20Haus"), "ein Haus");

// Page by page, until all are known.
const bases = {};
for (const folder of ["checkpoints", "diffusion_models"])
  for (let offset = 0, total = 1; offset < total; offset += 8) {
    const { _meta, ...page } = await json(`api/etn/model_info/${folder}?offset=${offset}&limit=8`);
    total = _meta.total;
    Object.assign(bases, page);
  }
assert.deepEqual(bases["v1-5-pruned-emaonly.safetensors"], { base_model: "sd15", is_inpaint: false });
assert.deepEqual(bases["sd_xl_base_1.0.safetensors"], { base_model: "sdxl", is_inpaint: false, type: "eps" });
assert.equal(bases["sd-v1-5-inpainting.safetensors"].is_inpaint, true);

const socket = new WebSocket(`${url.replace("http", "ws")}/ws?clientId=${client}`);
socket.binaryType = "arraybuffer";
const messages = [];
const sent = []; // pictures that came over the socket
let wake = () => {};
socket.addEventListener("message", ({ data }) => {
  if (typeof data === "string") messages.push(JSON.parse(data));
  else sent.push(Buffer.from(data));
  wake();
});
await within(10, new Promise((open) => socket.addEventListener("open", open)), "WebSocket");
await json("api/etn/workflow/subscribe", { client_id: client });

// --- Pictures ---

function png(width, height, channels, value) {
  const rows = Buffer.alloc(height * (1 + width * channels));
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x)
      for (let c = 0; c < channels; ++c) rows[y * (1 + width * channels) + 1 + x * channels + c] = value(x, y, c);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), 8 + data.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, { 1: 0, 3: 2, 4: 6 }[channels], 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; ++k) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
const canvas = png(192, 144, 3, (x, y, c) => (x * (c + 1) + y * 2 + 60 * (((x >> 4) + (y >> 4)) & 1)) & 255);
const box = (x0, y0, x1, y1) => png(192, 144, 1, (x, y) => (x >= x0 && x < x1 && y >= y0 && y < y1 ? 255 : 0));

// Width, height and channels of a PNG.
function described(bytes) {
  const view = Buffer.from(bytes);
  assert.equal(view.subarray(1, 4).toString(), "PNG");
  return [view.readUInt32BE(16), view.readUInt32BE(20), { 0: 1, 2: 3, 6: 4 }[view[25]]];
}

// --- Jobs ---

// Sends the pictures and the prompt, follows its messages to the end.
async function followed(workflow) {
  for (const [id, bytes] of Object.entries(workflow.pictures)) {
    const put = await fetch(`${url}/api/etn/image/${id}`, { method: "PUT", body: bytes });
    assert.ok(put.ok, `${id}: ${put.status} ${await put.text()}`);
  }
  const id = randomUUID();
  messages.length = 0;
  const queued = await json("prompt", { prompt: workflow.nodes, client_id: client, prompt_id: id });
  assert.equal(queued.prompt_id, id);
  const seen = [];
  for (;;) {
    while (messages.length === 0) await within(120, new Promise((more) => (wake = more)), "a message");
    const { type, data } = messages.shift();
    if (data.prompt_id !== id) continue;
    seen.push({ type, data });
    assert.notEqual(type, "execution_error", data.exception_message);
    if (type === "executing" && data.node === null) break;
  }
  assert.equal(seen[0].type, "execution_start");
  return seen;
}

// The pictures that came out, fetched.
async function run(workflow) {
  const seen = await followed(workflow);
  const executed = seen.filter(({ type, data }) => type === "executed" && data.output?.images);
  assert.equal(executed.length, 1);
  const images = [];
  for (const { source, id: picture, ...about } of executed[0].data.output.images) {
    assert.equal(source, "http");
    assert.deepEqual(about, { "content-type": "image/png", type: "output" });
    const answer = await fetch(`${url}/api/etn/image/${picture}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "image/png");
    images.push(new Uint8Array(await answer.arrayBuffer()));
  }
  return images;
}

async function expect(name, workflow, size, { channels = 3, count = 1 } = {}) {
  const begin = Date.now();
  const images = await run(workflow).catch((e) => {
    throw new Error(`${name}: ${e.message}`, { cause: e });
  });
  assert.equal(images.length, count, name);
  for (const image of images) assert.deepEqual(described(image), [...size, channels], name);
  console.log(`${name}: ${Date.now() - begin} ms`);
  return images;
}

const region = { size: [192, 144], bounds: [48, 32, 96, 80] };
for (const family of ["sd15", "sdxl"]) {
  const [first] = await expect(`${family} generate`, prompts.generate(family, { negative: "" }), [128, 96]);
  // The same again: everything is known, the picture still arrives.
  assert.deepEqual((await expect(`${family} again`, prompts.generate(family, { negative: "" }), [128, 96]))[0], first);
  await expect(`${family} large`, prompts.generate(family, { desired: [192, 144], target: [256, 192] }), [256, 192]);
  await expect(`${family} refine`, prompts.refine(family, canvas), [128, 96], { count: 2 });
  for (const fill of ["blur", "border", "neutral", "replace"])
    await expect(`${family} inpaint, ${fill}`, prompts.inpaint(family, canvas, box(60, 40, 130, 100), { ...region, fill }), [96, 80], { channels: 4 });
  // A canvas that has grown to the right: the mask reaches its edge.
  const right = { size: [192, 144], bounds: [96, 0, 96, 144], fill: "border" };
  await expect(`${family} expand`, prompts.inpaint(family, canvas, box(140, 0, 192, 144), right), [96, 144], { channels: 4 });
  await expect(`${family} refine a part`, prompts.refineRegion(family, canvas, box(60, 40, 130, 100), { size: [192, 144] }), [192, 144], { channels: 4 });
  await expect(`${family} tiles`, prompts.upscaleTiled(family, canvas, [192, 144]), [192, 144]);
  await expect(`${family} references`, prompts.references(family, canvas), [128, 96]);
  await expect(`${family} regions`, prompts.regional(family, canvas, [box(0, 0, 96, 144), box(96, 72, 192, 144)], { size: [192, 144] }), [192, 144]);
  await expect(`${family} LoRAs of a region`, prompts.regionalLoras(family, [box(0, 0, 96, 144), box(96, 72, 192, 144)], { size: [192, 144] }), [192, 144]);
  await expect(`${family} live`, prompts.live(family, canvas), [192, 144]);
  for (const file of prompts.controlNets[family])
    await expect(`${family} ${file}`, prompts.control(family, file, canvas, { lines: /scribble|lineart|softedge|canny/.test(file) }), [128, 96]);
}
await expect("inpaint in two passes", prompts.inpaint("sd15", canvas, box(60, 40, 130, 100), { size: [192, 144], bounds: [48, 32, 96, 80], upscale: true }), [96, 80], { channels: 4 });
await expect("regions in tiles", prompts.upscaleTiled("sd15", canvas, [192, 144], { regions: box(0, 0, 120, 144) }), [192, 144]);
await expect("upscale", prompts.upscaleSimple(canvas, [384, 288]), [384, 288]);
await expect("edges", prompts.controlImage("CannyEdgePreprocessor", canvas, { size: [192, 144], lines: true, low_threshold: 80, high_threshold: 200 }), [192, 144]);
await expect("depth", prompts.controlImage("DepthAnythingV2Preprocessor", canvas, { size: [192, 144], ckpt_name: "depth_anything_v2_vitb.pth" }), [192, 144]);
const detect = { detect_hand: "enable", detect_body: "enable", detect_face: "enable", bbox_detector: "yolox_l.onnx", pose_estimator: "dw-ll_ucoco_384.onnx" };
await expect("pose", prompts.controlImage("DWPreprocessor", canvas, { size: [192, 144], ...detect }), [192, 144]);
await expect("dynamic caching", prompts.generate("sdxl", { load: { caching: true } }), [128, 96]);
// The samplers of its presets.
for (const [sampler, scheduler, cfg] of [
  ["dpmpp_2m", "karras", 7], ["euler_ancestral", "normal", 6], ["dpmpp_2m_sde_gpu", "karras", 6], ["euler", "beta", 5.5], ["res_multistep", "simple", 4],
  ["dpmpp_sde_gpu", "karras", 2], ["euler_ancestral", "sgm_uniform", 1.5], ["lcm", "sgm_uniform", 1], ["uni_pc_bh2", "gits", 4], ["uni_pc_bh2", "ays", 4], ["dpmpp_2m", "polyexponential", 7], ["euler_cfgpp", "normal", 1.5],
])
  await expect(`${sampler}, ${scheduler}`, prompts.generate("sd15", { initial: [64, 64], options: { sampler, scheduler, cfg } }), [64, 64]);

// What a graph of the artist's own sends and says.
sent.length = 0;
const told = (await followed(prompts.custom(canvas))).filter(({ type }) => type === "executed").map(({ data }) => data.output);
assert.ok(told.some((output) => output?.images?.[0]?.source === "websocket"));
assert.deepEqual(told.find((output) => output?.info).info, [{ name: "inverted", offset_x: 8, offset_y: 16, batch_mode: "default", resize_canvas: false }]);
assert.deepEqual(told.find((output) => output?.text).text, [{ name: "Seven", text: "7", "content-type": "text/plain" }]);
assert.ok(sent.some((data) => data.readUInt32BE(0) === 1 && data.readUInt32BE(4) === 2 && described(data.subarray(8))[0] === 192));

// --- What goes wrong is said ---

const unknown = new prompts.Graph();
unknown.add("ETN_SaveImageCache", { images: unknown.add("ETN_LoadImageCache", { id: "never-sent" }), format: "PNG" });
const refused = await fetch(`${url}/prompt`, { method: "POST", body: JSON.stringify({ prompt: unknown.nodes, client_id: client }) });
assert.equal(refused.status, 400);
assert.match(await refused.text(), /never-sent/);
const [given] = (await readdir(`${process.env.EASEL_FOLDER}/input`)).filter((file) => file.endsWith(".png"));
const put = await fetch(`${url}/api/etn/image/never-sent`, { method: "PUT", body: await readFile(`${process.env.EASEL_FOLDER}/input/${given}`) });
assert.equal(put.status, 201);
assert.equal((await run(Object.assign(unknown, { pictures: {} }))).length, 1);

await json("api/etn/workflow/unsubscribe", { client_id: client });
socket.close();
