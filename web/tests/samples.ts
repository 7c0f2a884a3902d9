// A small technique and the node definitions it needs.
import type { NodeInfo, Prompt, QueueItem, Technique } from '../src/api/types';

export const prompt: Prompt = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
  '3': { class_type: 'LoadImage', inputs: { image: 'lighthouse.png' }, _meta: { title: 'Reference picture' } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse', clip: ['1', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry', clip: ['1', 1] } },
  '5': { class_type: 'VAEEncode', inputs: { pixels: ['3', 0], vae: ['1', 2] } },
  '8': {
    class_type: 'KSampler',
    inputs: {
      model: ['1', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
      seed: 1,
      steps: 20,
      cfg: 7,
      denoise: 0.6,
    },
  },
  '9': { class_type: 'VAEDecode', inputs: { samples: ['8', 0], vae: ['1', 2] } },
  '10': { class_type: 'SaveImage', inputs: { images: ['9', 0], filename_prefix: 'out' } },
};

export const technique: Technique = {
  name: 'img2img',
  title: 'Draw over a picture',
  summary: '',
  pictures: [{ node: '3', label: 'Picture' }],
  prompts: [{ node: '6', input: 'text' }],
  negatives: [{ node: '7', input: 'text' }],
  knobs: [
    { node: '8', input: 'denoise', label: 'Change', meaning: '' },
    { node: '8', input: 'seed', label: 'Seed', meaning: '', seed: true },
  ],
  main_knob: 0,
  missing: '',
  prompt,
};

function info(name: string, required: NodeInfo['input']['required'], output: string[]): NodeInfo {
  return {
    name,
    display_name: name,
    description: '',
    category: 'test',
    input: { required },
    output,
    output_name: output,
    output_node: output.length === 0,
  };
}

export const infos: Record<string, NodeInfo> = Object.fromEntries(
  [
    info('CheckpointLoaderSimple', { ckpt_name: [['a.safetensors', 'b.safetensors']] }, ['MODEL', 'CLIP', 'VAE']),
    info('LoadImage', { image: [['lighthouse.png'], { image_upload: true }] }, ['IMAGE', 'MASK']),
    info('CLIPTextEncode', { text: ['STRING', { multiline: true }], clip: ['CLIP'] }, ['CONDITIONING']),
    info('VAEEncode', { pixels: ['IMAGE'], vae: ['VAE'] }, ['LATENT']),
    info('VAEDecode', { samples: ['LATENT'], vae: ['VAE'] }, ['IMAGE']),
    info(
      'KSampler',
      {
        model: ['MODEL'],
        seed: ['INT', { default: 0, min: 0, max: 18446744073709551615n, control_after_generate: true }],
        steps: ['INT', { default: 20, min: 1, max: 10000 }],
        cfg: ['FLOAT', { default: 8, min: 0, max: 100, step: 0.1 }],
        positive: ['CONDITIONING'],
        negative: ['CONDITIONING'],
        latent_image: ['LATENT'],
        denoise: ['FLOAT', { default: 1, min: 0, max: 1, step: 0.01 }],
      },
      ['LATENT'],
    ),
    info('SaveImage', { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] }, []),
    info('ImageInvert', { image: ['IMAGE'] }, ['IMAGE']),
  ].map((i) => [i.name, i]),
);

export function queueItem(id: string, number = 0): QueueItem {
  return [number, id, prompt, {}, ['10']];
}
