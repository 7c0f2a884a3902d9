// What the tests of the clients share. Node.js 18 lacks a class that one of the clients needs.
globalThis.CustomEvent ??= class CustomEvent extends Event {
  constructor(type, options = {}) {
    super(type, options);
    this.detail = options.detail ?? null;
  }
};

// A small img2img workflow, as ComfyUI's editor exports it.
export function img2img(picture, { seed = 1, steps = 4, sampler = "euler", text = "a lighthouse at dusk" } = {}) {
  return {
    1: { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "v1-5-pruned-emaonly.safetensors" } },
    2: { class_type: "LoadImage", inputs: { image: picture } },
    3: { class_type: "ImageScale", inputs: { image: ["2", 0], upscale_method: "bilinear", width: 64, height: 64, crop: "center" } },
    4: { class_type: "VAEEncode", inputs: { pixels: ["3", 0], vae: ["1", 2] } },
    5: { class_type: "CLIPTextEncode", inputs: { text, clip: ["1", 1] } },
    6: { class_type: "CLIPTextEncode", inputs: { text: "blurry", clip: ["1", 1] } },
    7: {
      class_type: "KSampler",
      inputs: {
        model: ["1", 0], seed, steps, cfg: 7, sampler_name: sampler, scheduler: "normal",
        positive: ["5", 0], negative: ["6", 0], latent_image: ["4", 0], denoise: 0.75,
      },
    },
    8: { class_type: "VAEDecode", inputs: { samples: ["7", 0], vae: ["1", 2] } },
    9: { class_type: "SaveImage", inputs: { images: ["8", 0], filename_prefix: "client" } },
  };
}

export const isPng = (bytes) => Buffer.from(bytes).subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]));

// Rejects after so many seconds, so that a message that never comes fails the test instead of hanging it.
export function within(seconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
